"""Where everything in a picture of a graph stands, so that no arrow touches what it does not join.

The picture has columns, through which arrows lead from the left to the right (or rows, from the top to the bottom: then
read "along the arrows" for the width, and "across them" for the height). An arrow that passes a column has a place of
its own in it, a lane, which all arrows from the same box share. Between the columns is room for curves, and before each
column for labels. Nothing here knows of Values: boxes are sizes.

1. `placing` tries several heights of the page, lays out those that promise most, in one line and in several, and takes
   the page that is filled best with large letters; at the end it says where all is. A leaf that leads to one result
   alone may stand above it, where that makes a better page.
2. `rooms`: what is in a frame is laid out first, and then is one box of the picture around it.
3. `columns` puts each thing into a column: operands to the left of results, and no column higher than allowed.
4. `levels` then makes `stops` of one frame's things and lanes, and at the end leads the arrows through them.
5. `crossings` orders the stops of each column so that few arrows cross.
6. `heights` moves them up and down, in that order, so that arrows are straight.
7. `lines` breaks a page that is too wide into lines, as text is.

This is the method of K. Sugiyama, S. Tagawa and M. Toda, "Methods for visual understanding of hierarchical system
structures", IEEE Transactions on Systems, Man, and Cybernetics 11 (1981), with columns that are filled up to a height.
"""
