/*
 * The blocks of a picture without its pixels: what blocks.patch reports to blocks.c.
 *
 * This file is part of a work based on FFmpeg, under the GNU Lesser General Public License 2.1 or later.
 */
#ifndef PERCH_BLOCKS_H
#define PERCH_BLOCKS_H

/* No pixels are decoded. */
extern int blocks_wanted;

/* Whether slices are not to be read beyond their headers. */
int blocks_are_done(void);

/* A macroblock or coding unit, in pixels, and the bits of its slice that follow. */
void blocks_note(int left, int top, int size, int qp, int bits, int bits_left);

/* The slice does not end where its data do: it is damaged. */
void blocks_refuse(void);

#endif
