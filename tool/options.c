/* options.c: the table of options.h, in the words the user reads. Read by parse.c, help.c and pages/. */
#include "options.h"
#include "command.h"

#define BIT(option) (1u << OPTION_##option)
#define ANYWHERE (BIT(JSON) | BIT(QUIET) | BIT(HELP) | BIT(VERSION))
#define FORWARD                                                                                                        \
    (ANYWHERE | BIT(OUTPUT) | BIT(AXIS) | BIT(DTYPE) | BIT(TEMPERATURE) | BIT(BIAS) | BIT(SINK) | BIT(MASK) |          \
     BIT(LENGTHS) | BIT(CAUSAL) | BIT(NONFINITE) | BIT(EXACT) | BIT(THREADS) | BIT(MEMORY))
#define LOSS                                                                                                           \
    (ANYWHERE | BIT(OUTPUT) | BIT(AXIS) | BIT(DTYPE) | BIT(NONFINITE) | BIT(EXACT) | BIT(THREADS) | BIT(MEMORY) |      \
     BIT(GRAD) | BIT(REDUCTION) | BIT(LABEL_SMOOTHING) | BIT(WEIGHTS) | BIT(IGNORE_INDEX) | BIT(Z_LOSS))
#define DERIVATIVE (FORWARD | BIT(LOG) | BIT(GIVEN))

static const option_choice dtypes[] = {{"f32", SJ_F32}, {"f64", SJ_F64}, {"f16", SJ_F16}, {NULL, 0}};
static const option_choice nonfinite[] = {{"ieee", SJ_IEEE}, {"limit", SJ_LIMIT}, {"zero", SJ_ZERO}, {NULL, 0}};
static const option_choice given[] = {{"logits", SJ_GIVEN_LOGITS}, {"softmax", SJ_GIVEN_SOFTMAX}, {NULL, 0}};

static const option_choice reductions[] = {{"none", SJ_NONE}, {"sum", SJ_SUM}, {"mean", SJ_MEAN}, {NULL, 0}};

/* A word that ends in ':' goes on with a number. */
static const option_choice layouts[] = {
    {"blocks", LAYOUT_BLOCKS}, {"dense", LAYOUT_DENSE}, {"sample:", LAYOUT_SAMPLE}, {NULL, 0}};

const option_spec option_specs[OPTION_COUNT] = {
    [OPTION_OUTPUT] = {"--output", "-o", VALUE_FILE, "OUT", NULL,
                       "Save the result to OUT: .npy, .npz, .csv, .tsv, or - for CSV text on standard output. An "
                       "existing file is replaced whole, or left as it was when anything fails."},
    [OPTION_CLASS] = {"--class", NULL, VALUE_COUNT, "Q", NULL,
                      "The output whose derivatives are taken, counted from 0."},
    [OPTION_LAYOUT] = {"--layout", NULL, VALUE_LAYOUT, "blocks|dense|sample:I", layouts,
                       "blocks (the default): one (n, n) matrix a row. dense: the shape of the input twice, zero "
                       "between different rows. sample:I: the matrix of row I alone, counted from 0 over all rows."},
    [OPTION_LOG] = {"--log", NULL, VALUE_NONE, NULL, NULL, "Differentiate log-softmax in place of softmax."},
    [OPTION_GIVEN] = {"--given", NULL, VALUE_CHOICE, "logits|softmax", given,
                      "What the first input holds: logits (the default), or softmax, the result of an earlier run."},
    [OPTION_GRAD] = {"--grad", NULL, VALUE_FILE, "OUT", NULL,
                     "Save the gradient with respect to the logits to OUT, in their shape."},
    [OPTION_REDUCTION] = {"--reduction", NULL, VALUE_CHOICE, "none|sum|mean", reductions,
                          "One loss a row, their sum, or (the default) their mean: the sum divided by that of the "
                          "weights of the labels, or by the rows, of probabilities."},
    [OPTION_LABEL_SMOOTHING] = {"--label-smoothing", NULL, VALUE_REAL, "E", NULL,
                                "Take the part E of each target from it and share it among all classes. Default: 0."},
    [OPTION_WEIGHTS] = {"--weights", NULL, VALUE_FILE, "FILE", NULL, "A weight for each class. Default: 1 each."},
    [OPTION_IGNORE_INDEX] = {"--ignore-index", NULL, VALUE_INTEGER, "I", NULL,
                             "Rows of this label have loss 0 and gradient 0, and are not counted. Default: -100."},
    [OPTION_Z_LOSS] = {"--z-loss", NULL, VALUE_REAL, "L", NULL,
                       "Add L times the square of logsumexp to the loss of each row. Default: 0."},
    [OPTION_AXIS] = {"--axis", NULL, VALUE_INTEGER, "A", NULL,
                     "The class axis; negative counts from the end. Default: -1, the last."},
    [OPTION_DTYPE] = {"--dtype", NULL, VALUE_CHOICE, "f32|f64|f16", dtypes,
                      "The dtype of the result. Arithmetic runs in the wider of input and result and is rounded once "
                      "more only into a narrower result. f16 is computed as f32. Default: the dtype of the input, f32 "
                      "for f16; verify checks f32 and f64."},
    [OPTION_TEMPERATURE] =
        {"--temperature", NULL, VALUE_REAL, "T", NULL,
         "Divide the logits by T: softmax(z / T), T below 0 for softmin. Derivatives are with respect to "
         "z. 0, with --nonfinite limit and not of derivatives, puts the mass at the largest logit. Not "
         "together with --exact."},
    [OPTION_BIAS] = {"--bias", NULL, VALUE_FILE, "FILE", NULL,
                     "Add FILE, broadcast to the shape of the logits, to logits / T; -inf masks an entry. Not together "
                     "with --exact."},
    [OPTION_SINK] = {"--sink", NULL, VALUE_FILE, "FILE", NULL,
                     "A logit more in the denominator of each row, and no entry of the result: one number a row, "
                     "broadcast. 0 makes softmax-one. Not together with --exact."},
    [OPTION_MASK] = {"--mask", NULL, VALUE_FILE, "FILE", NULL,
                     "Which entries take part: booleans, or 1 and 0, broadcast to the shape of the logits. An entry at "
                     "false or 0 has softmax 0, log -inf, derivatives 0, whatever it holds."},
    [OPTION_LENGTHS] = {"--lengths", NULL, VALUE_FILE, "FILE", NULL,
                        "How many entries of each row take part, the first ones: whole numbers, one a row, broadcast "
                        "to the shape of the logits without the class axis. In text, one row or column."},
    [OPTION_CAUSAL] = {"--causal", NULL, VALUE_NONE, NULL, NULL,
                       "Entry k of row i takes part where k <= i, i the index in the dimension before the class axis, "
                       "which must be the last. Together with --mask and --lengths, all must let an entry in."},
    [OPTION_NONFINITE] = {"--nonfinite", NULL, VALUE_CHOICE, "ieee|limit|zero", nonfinite,
                          "What a row becomes that holds +inf, or only -inf. ieee (the default): NaN. limit: the +inf "
                          "entries share the mass. zero: a row of only -inf is 0."},
    [OPTION_EXACT] =
        {"--exact", NULL, VALUE_NONE, NULL, NULL,
         "Round float32 results correctly and float64 results within 0.51 ulp, with the same bits on every "
         "machine. Slower; the default stays within 2 ulp."},
    [OPTION_THREADS] = {"--threads", NULL, VALUE_COUNT, "N", NULL,
                        "Use at most N threads; 0 (the default) lets the library decide."},
    [OPTION_MEMORY] = {"--memory", NULL, VALUE_SIZE, "SIZE", NULL,
                       "Hold at most SIZE bytes of the .npy files that are read and written: a number, with K, M or G "
                       "for powers of 1024, from 1M on. Default: a quarter of the machine's memory. A row that is "
                       "longer is taken in pieces, or where the whole row must be at hand, mapped."},
    [OPTION_JSON] = {"--json", NULL, VALUE_NONE, NULL, NULL,
                     "Print JSON. NaN and infinities are the strings \"nan\", \"inf\" and \"-inf\"."},
    [OPTION_QUIET] = {"--quiet", NULL, VALUE_NONE, NULL, NULL,
                      "No progress bar and no remarks on standard error; errors still show."},
    [OPTION_HELP] = {"--help", "-h", VALUE_NONE, NULL, NULL, "Print help, examples first."},
    [OPTION_VERSION] = {"--version", NULL, VALUE_NONE, NULL, NULL, "Print the version."},
};

const command_spec command_specs[COMMAND_COUNT] = {
    [COMMAND_SOFTMAX] = {"softmax",
                         "LOGITS",
                         1,
                         1,
                         FORWARD,
                         "softmax along an axis",
                         "The result has the shape of the input: exp(z_q - max) / sum of exp(z_k - max) in each row.",
                         {{"softjac softmax logits.npy", "print it, or its corners when it is large"},
                          {"softjac softmax logits.npy -o probabilities.npy", "save it"},
                          {"softjac softmax scores.npy --causal", "of attention: row i over its first i + 1 entries"},
                          {"printf '0.5,0.5\\n40,0\\n' | softjac softmax -", "rows of CSV text"}}},
    [COMMAND_LOG_SOFTMAX] = {"log-softmax",
                             "LOGITS",
                             1,
                             1,
                             FORWARD,
                             "logarithm of softmax, without its cancellation",
                             "The result has the shape of the input: (z_q - max) - log1p(T), T the sum of "
                             "exp(z_k - max) over the other classes.",
                             {{"softjac log-softmax logits.npy", "print it"},
                              {"softjac log-softmax --temperature 2 logits.npy", "of logits / 2"},
                              {"softjac log-softmax logits.npy --mask allowed.npy", "over the entries at true"},
                              {"softjac log-softmax logits.csv -o log.csv", "CSV text in and out, every digit kept"}}},
    [COMMAND_LOGSUMEXP] = {"logsumexp",
                           "LOGITS",
                           1,
                           1,
                           FORWARD,
                           "log of the sum of exponentials of each row",
                           "The result has the shape of the input without the class axis.",
                           {{"softjac logsumexp logits.npy", "one number a row"},
                            {"softjac logsumexp logits.npy --axis 0", "one number a column"},
                            {"softjac logsumexp logits.npy --lengths lengths.npy", "of rows that end early"}}},
    [COMMAND_GRADIENT] =
        {"gradient",
         "LOGITS",
         1,
         1,
         DERIVATIVE | BIT(CLASS),
         "derivative of one output with respect to its row's inputs",
         "Entry r of a row is d s_Q / d z_r = s_Q (delta_Qr - s_r), in the shape of the input. --class "
         "is required.",
         {{"softjac gradient --class 3 logits.npy", "d s_3 / d z_r of every row"},
          {"softjac gradient --class 3 --log logits.npy -o g.npy", "d log s_3 / d z_r, saved"},
          {"softjac gradient --class 0 --given softmax s.npy", "from a softmax computed before"}}},
    [COMMAND_JACOBIAN] = {"jacobian",
                          "LOGITS",
                          1,
                          1,
                          DERIVATIVE | BIT(LAYOUT),
                          "every output's derivative with respect to every input",
                          "For logits of shape (m, n): blocks is (m, n, n), dense is (m, n, m, n), sample:I is (n, n). "
                          "Entry q, r of a block is d s_q / d z_r. For N dimensions: blocks is the shape without the "
                          "class axis, then (n, n); dense is the shape twice.\n\nA result that would fit neither in "
                          "the memory that is available nor, saved as .npy, on the disk is refused before anything is "
                          "computed.",
                          {{"softjac jacobian logits.npy -o blocks.npy", "one block a row"},
                           {"softjac jacobian --layout sample:0 logits.npy", "the block of the first row, printed"},
                           {"softjac jacobian --layout dense small.npy -o dense.npy",
                            "the full array of a small batch"},
                           {"softjac jacobian --log logits.npy -o log.npy", "of log-softmax"}}},
    [COMMAND_VJP] = {"vjp",
                     "LOGITS COTANGENT",
                     2,
                     2,
                     DERIVATIVE,
                     "gradient of a loss through softmax: J^T g",
                     "COTANGENT is dL/ds, in the shape of LOGITS; the result is dL/dz. The Jacobian is never formed.",
                     {{"softjac vjp logits.npy dloss.npy -o dlogits.npy", "backward through softmax"},
                      {"softjac vjp --log logits.npy dloss.npy", "backward through log-softmax"},
                      {"softjac vjp --given softmax s.npy dloss.npy", "from the forward pass's result"},
                      {"softjac vjp scores.npy dloss.npy --causal", "backward through causal attention"}}},
    [COMMAND_JVP] = {"jvp",
                     "LOGITS TANGENT",
                     2,
                     2,
                     DERIVATIVE,
                     "directional derivative: J t",
                     "TANGENT has the shape of LOGITS, and so has the result.",
                     {{"softjac jvp logits.npy step.npy", "how softmax changes along a step"},
                      {"softjac jvp --log logits.npy step.npy -o out.npy", "how log-softmax changes"}}},
    [COMMAND_CROSS_ENTROPY] =
        {"cross-entropy",
         "LOGITS TARGET",
         2,
         2,
         LOSS,
         "loss of labels or probabilities, and its gradient",
         "TARGET holds a label for each row, in the shape of LOGITS without the class axis (in text, one row or "
         "column), "
         "or probabilities in the shape of LOGITS. The loss of a row is the sum of p_k (-log s_k), the gradient "
         "s_q sum of p - p_q, by the definitions of PyTorch's CrossEntropyLoss.",
         {{"softjac cross-entropy logits.npy labels.npy", "the mean loss"},
          {"softjac cross-entropy logits.npy labels.npy --grad g.npy", "and its gradient, saved"},
          {"softjac cross-entropy logits.npy labels.npy --reduction none", "one loss a row"},
          {"softjac cross-entropy z.csv y.csv --label-smoothing 0.1", "smoothed"}}},
    [COMMAND_VERIFY] =
        {"verify",
         "[LOGITS]",
         0,
         1,
         ANYWHERE | BIT(AXIS) | BIT(DTYPE) | BIT(CLASS) | BIT(EXACT) | BIT(THREADS) | BIT(MEMORY),
         "every form against exact arithmetic and autodiff",
         "A table with a line a form: shape, time, MAPE against automatic differentiation, largest "
         "relative error and largest error in units of the last place against MPFR. Without LOGITS it "
         "makes input of the article's kind. Without --dtype it checks float64 and "
         "float32, and without --class the gradients of output 3, or 0 where there are 3 classes or "
         "fewer. --exact checks exact mode against its own, narrower bounds. Exit code 1 when a bound is "
         "missed. LOGITS of more than --memory are checked some rows at a time, without the dense Jacobians.",
         {{"softjac verify", "on input of the article's kind"},
          {"softjac verify logits.npy", "on your own logits"},
          {"softjac verify logits.npy --exact", "exact mode, against its own bounds"},
          {"softjac verify logits.npy --json > verify.json", "for a machine to read"}}},
    [COMMAND_ARTICLE] = {"article",
                         "",
                         0,
                         0,
                         ANYWHERE,
                         "the article's walk-through, run",
                         "Naive against stable softmax, overflow with the floating-point flags it raises, the triple "
                         "loop against the vectorised form, each with its MAPE.",
                         {{"softjac article", "read along with the article"}}},
    [COMMAND_MAPE] =
        {"mape",
         "PRED TRUE",
         2,
         2,
         ANYWHERE | BIT(MEMORY),
         "mean absolute percentage error, and the largest relative one",
         "As a fraction: (sum of |t - p| / |t| over t != 0, and of |p| over t = 0) / size. The shapes must agree; NaN "
         "propagates.",
         {{"softjac mape predicted.npy true.npy", "both numbers"},
          {"softjac softmax z.npy -o - | softjac mape - scipy.npy", "compare with another program"}}},
    [COMMAND_INFO] = {"info",
                      "",
                      0,
                      0,
                      ANYWHERE,
                      "version, instruction sets built and in use, threads",
                      "SOFTJAC_ISA in the environment forces one of the kernel sets that are built.",
                      {{"softjac info", "as text"}, {"SOFTJAC_ISA=scalar softjac info", "with one set forced"}}},
    [COMMAND_HELP] = {"help",
                      "[COMMAND]",
                      0,
                      1,
                      BIT(HELP) | BIT(VERSION),
                      "help on softjac or on one command",
                      "",
                      {{"softjac help jacobian", "the same as softjac jacobian --help"}}},
};

const example front_examples[MAX_EXAMPLES] = {
    {"softjac softmax logits.npy", "softmax of each row, printed"},
    {"softjac gradient --class 3 logits.npy", "d s_3 / d z_r of each row"},
    {"softjac jacobian logits.npy -o blocks.npy", "one (n, n) block a row, saved"},
    {"softjac verify logits.npy", "every form checked against exact arithmetic"},
};

const topic topics[] = {
    {"Files", "An input is .npy, .npz (file.npz:name for one member), CSV or TSV text, or - for standard input; the "
              "format comes from the first bytes. NumPy reads what is written here and the reverse. Arrays have up to "
              "32 dimensions; integers are promoted to float64. CSV and TSV hold at most two dimensions, every number "
              "with the digits that read back to the same value."},
    {"Memory",
     "From .npy to .npy, files of any size pass through a few MiB: slices of whole rows are read, computed and "
     "written in parallel, and give the bytes of the whole array. --memory bounds what is held of them. A row "
     "longer than that passes in pieces, twice or, in vjp and jvp, three times: softmax, log-softmax, logsumexp "
     "and products of softmax, as accurate, but with bits that may differ. The other operations, --exact, "
     "--temperature, masks and what stands beside the logits need the whole row, cross-entropy and mape the "
     "whole file: what exceeds the memory is mapped, and what is resident of it given back every few "
     "milliseconds, so that for moments it may be more. What a mapping cannot show, other dtypes and byte "
     "orders and arrays in Fortran order, is first written to $TMPDIR or /var/tmp. What is broadcast, .npz, "
     "text, standard input and what is printed are held whole."},
    {"Printing", "Without -o a result is printed as text: all of it up to 1000 elements, its corners beyond that. At "
                 "least 9 significant digits show; an exact zero shows as 0. When the input is - and standard output "
                 "is not a terminal, CSV text flows instead, so commands chain in pipelines. --json prints every "
                 "element; beside -o it describes what was saved. NO_COLOR in the environment turns colours off."},
    {"Exit codes", "0 success; 1 a check failed; 2 wrong use; 65 bad input data; 66 no such input; 71 not enough "
                   "memory; 73 the output cannot be created; 74 reading or writing failed."},
};
const size_t topic_count = sizeof topics / sizeof topics[0];

bool command_takes(const command_spec *command, option_id option) { return (command->options >> option) & 1u; }
