from package.internal import helper
import numpy.core.internal

__version__ = "10.2.89.4"
value = helper.internal.run(10.5, 192)
