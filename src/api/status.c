/* status.c: the sentence for a status. Public. */
#include <softjac.h>

const char *sj_strerror(sj_status status) {
    switch (status) {
    case SJ_OK:
        return "success";
    case SJ_BAD_POINTER:
        return "a pointer to elements is NULL or not aligned to them";
    case SJ_BAD_DTYPE:
        return "the dtype is not one this function computes in";
    case SJ_BAD_SHAPE:
        return "the shapes of the arguments do not fit together";
    case SJ_BAD_AXIS:
        return "the class axis is not an axis of the array";
    case SJ_BAD_STRIDE:
        return "the strides may visit one element twice, or leave the address space";
    case SJ_BAD_OVERLAP:
        return "the output and an input may overlap, other than exactly in place";
    case SJ_BAD_CLASS:
        return "the selected class is not below the number of classes";
    case SJ_BAD_OPTION:
        return "an option is out of range, or options.size is not that of SJ_OPTIONS_INIT";
    }
    return "unknown status";
}
