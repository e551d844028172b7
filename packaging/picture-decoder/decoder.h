/*
 * What the two parts of Perch's picture decoder share.
 *
 * This file is part of a work based on FFmpeg, under the GNU Lesser General Public License 2.1 or later.
 */
#ifndef PERCH_DECODER_H
#define PERCH_DECODER_H

#include <stdint.h>

#include "libavcodec/avcodec.h"

#define EXPORT(name) __attribute__((export_name(#name))) name

extern AVCodecContext *context;
extern AVPacket *packet;

int configure(int codec, uint8_t *record, int size);

#endif
