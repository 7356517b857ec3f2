"""Real videos become training clips (4.1; filters of GAIA, A.1): scenes, one face, filters, crop, labels, split.

`run` puts it together: videos are worked off in segments, each by `segment.process_segment`, wherever an engine runs
it.
"""

import logging

logging.getLogger("libav").setLevel(logging.CRITICAL)  # what is damaged is told by the report
