"""Does each mechanism of the paper do its work in given weights?"""
