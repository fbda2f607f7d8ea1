"""The operations as generalised ufuncs, over the last axis or `axis`, with default options.

`softmax`, `log_softmax`: ``(n)->(n)``; `logsumexp`: ``(n)->()``; `softmax_gradient`, `log_softmax_gradient`:
``(n),()->(n)``; `softmax_jacobian`, `log_softmax_jacobian`: ``(n)->(n,n)``; `softmax_vjp`, `softmax_jvp`,
`log_softmax_vjp`, `log_softmax_jvp`: ``(n),(n)->(n)``. Loops are float16, which NumPy chooses for integers of 8 bits,
float32 and float64; a row whose class does not exist is NaN. The functions of `softjac` call these for arrays of other
libraries, and are faster and wider for NumPy's.

>>> import numpy as np
>>> from softjac import ufuncs
>>> ufuncs.softmax(np.zeros((2, 3)), axis=0)
array([[0.5, 0.5, 0.5],
       [0.5, 0.5, 0.5]])
"""

from ._core import gufuncs as _gufuncs

globals().update(_gufuncs)
__all__ = sorted(_gufuncs)
