"""Does each mechanism of a model's paper do its work in given weights?"""
