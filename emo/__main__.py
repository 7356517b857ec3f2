"""`python -m emo`."""

import sys

from emo.cli.main import main

sys.exit(main())
