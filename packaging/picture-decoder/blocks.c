/*
 * What the WebAssembly exports for the blocks of pictures: bits and quantisers of 16x16 pixels each. Compiled by build.ts.
 *
 * This file is part of a work based on FFmpeg, under the GNU Lesser General Public License 2.1 or later.
 */
#include <stdint.h>
#include <string.h>

#include "blocks.h"
#include "decoder.h"
#include "libavcodec/codec_internal.h"

#define SIDE 16
#define MAX_BITS 65535
/* How far CABAC reads ahead. */
#define MAX_AHEAD_BITS 32

int blocks_wanted;

static int columns, rows, pixels, is_header_only, is_refused, noted, bits_after;
static uint16_t *block_bits;
static int8_t *block_qps;
static AVFrame *decoded;
static uint8_t *input, *frame;
static unsigned input_size;
static int frame_size;

/* All pictures are of the same memory, which is neither read nor written. */
static void keep(void *opaque, uint8_t *data) {}
static int use_frame(AVCodecContext *context, AVFrame *picture, int flags) {
  int width = FFALIGN(picture->width, 64) + 64, height = FFALIGN(picture->height, 64) + 64;
  if (!frame) {
    frame_size = 4 * width * height;
    frame = av_malloc(frame_size);
  }
  if (!frame || 4 * width * height > frame_size)
    return AVERROR(ENOMEM);
  picture->buf[0] = av_buffer_create(frame, frame_size, keep, NULL, 0);
  if (!picture->buf[0])
    return AVERROR(ENOMEM);
  picture->data[0] = frame;
  picture->data[1] = frame + 2 * width * height;
  picture->data[2] = frame + 3 * width * height;
  picture->linesize[0] = width;
  picture->linesize[1] = picture->linesize[2] = width / 2;
  picture->extended_data = picture->data;
  return 0;
}

/*
 * The configuration record as for configure(), and the size of the coded pictures in pixels.
 * @returns the addresses of bits (uint16) and quantisers (int8) of the blocks, row by row
 */
uintptr_t *EXPORT(begin)(int codec, uint8_t *record, int size, int width, int height) {
  static uintptr_t fields[2];
  blocks_wanted = 1;
  columns = (width + SIDE - 1) / SIDE;
  rows = (height + SIDE - 1) / SIDE;
  pixels = width * height;
  block_bits = av_mallocz(sizeof(*block_bits) * columns * rows);
  block_qps = av_mallocz(columns * rows);
  decoded = av_frame_alloc();
  if (!block_bits || !block_qps || !decoded || configure(codec, record, size) < 0)
    return NULL;
  context->get_buffer2 = use_frame;
  context->flags &= ~AV_CODEC_FLAG_OUTPUT_CORRUPT;
  context->flags2 &= ~AV_CODEC_FLAG2_SHOW_ALL;
  context->skip_loop_filter = AVDISCARD_ALL;
  fields[0] = (uintptr_t)block_bits;
  fields[1] = (uintptr_t)block_qps;
  return fields;
}

/* Memory for the next sample. */
uint8_t *EXPORT(reserve)(int size) {
  av_fast_padded_malloc(&input, &input_size, size);
  return input;
}

void blocks_refuse(void) { is_refused = 1; }

static void end_slice(void) {
  if (bits_after > MAX_AHEAD_BITS)
    blocks_refuse();
  bits_after = 0;
}

/* Reads the sample that was put into the reserved memory. @returns whether all its blocks were noted */
int EXPORT(read)(int size, int header_only) {
  int got = 0;
  is_header_only = header_only;
  is_refused = noted = bits_after = 0;
  memset(block_bits, 0, sizeof(*block_bits) * columns * rows);
  memset(input + size, 0, AV_INPUT_BUFFER_PADDING_SIZE);
  packet->data = input;
  packet->size = size;
  int error = ffcodec(context->codec)->cb.decode(context, decoded, &got, packet);
  av_frame_unref(decoded);
  end_slice();
  return error >= 0 && !is_refused && noted == pixels;
}

int blocks_are_done(void) {
  end_slice();
  return blocks_wanted && (is_header_only || is_refused || noted >= pixels);
}

void blocks_note(int left, int top, int size, int qp, int bits, int bits_left) {
  int side = size < SIDE ? 1 : size / SIDE;
  int right = left / SIDE + side, bottom = top / SIDE + side;
  /* At the end of its data H.265's reader stands still. */
  bits = bits < 0 ? 0 : bits;
  bits_after = bits_left;
  if (bits_left < -MAX_AHEAD_BITS)
    blocks_refuse();
  if (is_refused)
    return;
  noted += size * size;
  for (int row = top / SIDE; row < bottom && row < rows; row++)
    for (int column = left / SIDE; column < right && column < columns; column++) {
      int at = row * columns + column, sum = block_bits[at] + bits / (side * side);
      block_bits[at] = sum < MAX_BITS ? sum : MAX_BITS;
      block_qps[at] = qp;
    }
}
