"""Whether given weights do what the paper says, on people and voices that no training has seen."""
