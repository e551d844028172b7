/*
 * Perch's picture decoder: what the WebAssembly exports, and what FFmpeg's decoders of H.264 and H.265 need of the rest
 * of FFmpeg for one picture. Compiled by build.ts.
 *
 * This file is part of a work based on FFmpeg, under the GNU Lesser General Public License 2.1 or later.
 */
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "decoder.h"
#include "libavcodec/bsf.h"
#include "libavcodec/codec_internal.h"
#include "libavcodec/dovi_rpu.h"
#include "libavcodec/dynamic_hdr10_plus.h"
#include "libavcodec/dynamic_hdr_vivid.h"
#include "libavcodec/encode.h"
#include "libavcodec/h274.h"
#include "libavutil/channel_layout.h"
#include "libavutil/display.h"
#include "libavutil/film_grain_params.h"
#include "libavutil/opt.h"
#include "libavutil/pixdesc.h"
#include "libavutil/samplefmt.h"
#include "libavutil/video_enc_params.h"

#undef sscanf

extern const FFCodec ff_h264_decoder, ff_hevc_decoder;

/* 8192 x 4320, with the macroblocks at the edges. */
#define MAX_PIXELS (8192 * 4352)

AVCodecContext *context;
AVPacket *packet;
static AVFrame *next, *shown;

/* Of the picture, for decoder.ts. */
static int32_t result[19];

static enum AVPixelFormat choose_format(AVCodecContext *decoder, const enum AVPixelFormat *formats) {
  for (; *formats != AV_PIX_FMT_NONE; formats++)
    if (av_pix_fmt_desc_get(*formats))
      return *formats;
  return AV_PIX_FMT_NONE;
}

void *EXPORT(allocate)(int size) { return av_mallocz(size + AV_INPUT_BUFFER_PADDING_SIZE); }

/* The configuration record of the MP4 file, avcC or hvcC, from allocate(). */
int EXPORT(configure)(int codec, uint8_t *record, int size) {
  const FFCodec *decoder = codec == 265 ? &ff_hevc_decoder : &ff_h264_decoder;
  context = avcodec_alloc_context3(&decoder->p);
  packet = av_packet_alloc();
  next = av_frame_alloc();
  shown = av_frame_alloc();
  if (!context || !packet || !next || !shown)
    return AVERROR(ENOMEM);
  context->extradata = record;
  context->extradata_size = size;
  return avcodec_open2(context, &decoder->p, NULL);
}

/*
 * Decodes a sample, or with size 0 what is still to be shown; data is from allocate() and is freed. The picture is then
 * the last one up to `until`, in the unit of `time`.
 */
int EXPORT(decode)(uint8_t *data, int size, int time, int until) {
  int error;
  if (size && av_packet_from_data(packet, data, size) < 0)
    return AVERROR(ENOMEM);
  packet->pts = time;
  error = avcodec_send_packet(context, size ? packet : NULL);
  av_packet_unref(packet);
  while (avcodec_receive_frame(context, next) >= 0) {
    if (!shown->data[0] || next->pts <= until) {
      av_frame_unref(shown);
      av_frame_move_ref(shown, next);
    }
    av_frame_unref(next);
  }
  return error;
}

int32_t *EXPORT(picture)(void) {
  const AVPixFmtDescriptor *format = shown->data[0] ? av_pix_fmt_desc_get(shown->format) : NULL;
  if (!format)
    return NULL;
  result[0] = shown->width;
  result[1] = shown->height;
  result[2] = format->comp[0].depth;
  result[3] = format->nb_components;
  result[4] = format->log2_chroma_w;
  result[5] = format->log2_chroma_h;
  for (int i = 0; i < 3; i++) {
    result[6 + i] = (int32_t)shown->data[i];
    result[9 + i] = shown->linesize[i];
  }
  result[12] = shown->color_range == AVCOL_RANGE_JPEG;
  result[13] = shown->colorspace;
  result[14] = shown->interlaced_frame;
  result[15] = shown->sample_aspect_ratio.num;
  result[16] = shown->sample_aspect_ratio.den;
  result[17] = (int32_t)shown->pts;
  result[18] = shown->decode_error_flags;
  return result;
}

/* From here on: in place of libavcodec/options.c, whose defaults are texts. */

static const char *name_of(void *object) { return "decoder"; }
static const AVClass context_class = {.class_name = "AVCodecContext", .item_name = name_of};

AVCodecContext *avcodec_alloc_context3(const AVCodec *codec) {
  AVCodecContext *made = av_mallocz(sizeof(*made));
  if (!made)
    return NULL;
  made->av_class = &context_class;
  made->codec = codec;
  made->codec_type = codec->type;
  made->codec_id = codec->id;
  made->get_buffer2 = avcodec_default_get_buffer2;
  made->get_format = choose_format;
  made->execute = avcodec_default_execute;
  made->execute2 = avcodec_default_execute2;
  made->framerate.den = made->pkt_timebase.den = made->sample_aspect_ratio.den = 1;
  made->time_base.den = 1;
  made->pix_fmt = made->sw_pix_fmt = AV_PIX_FMT_NONE;
  made->sample_fmt = AV_SAMPLE_FMT_NONE;
  made->reordered_opaque = AV_NOPTS_VALUE;
  made->workaround_bugs = FF_BUG_AUTODETECT;
  made->color_primaries = AVCOL_PRI_UNSPECIFIED;
  made->color_trc = AVCOL_TRC_UNSPECIFIED;
  made->colorspace = AVCOL_SPC_UNSPECIFIED;
  made->profile = FF_PROFILE_UNKNOWN;
  made->level = FF_LEVEL_UNKNOWN;
  made->thread_count = 1;
  made->apply_cropping = 1;
  made->discard_damaged_percentage = 95;
  made->max_pixels = MAX_PIXELS;
  /* A picture from the middle of a stream, whose references are not all there, is shown. */
  made->flags = AV_CODEC_FLAG_OUTPUT_CORRUPT;
  made->flags2 = AV_CODEC_FLAG2_SHOW_ALL;
  /* The grain is left out: it is noise. */
  made->export_side_data = AV_CODEC_EXPORT_DATA_FILM_GRAIN;
  return made;
}

void av_opt_set_defaults(void *object) {}
void av_opt_free(void *object) {}
int av_opt_set_dict(void *object, AVDictionary **options) { return 0; }
const char *av_default_item_name(void *object) { return "decoder"; }

/* In place of libavutil/log.c: nobody reads it. Calls of av_log() are compiled to nothing. */

void avpriv_report_missing_feature(void *object, const char *format, ...) {}
void avpriv_request_sample(void *object, const char *format, ...) {}

/* In place of libavcodec/codec_desc.c and allcodecs.c. */

static const AVCodecDescriptor descriptor = {.type = AVMEDIA_TYPE_VIDEO, .props = AV_CODEC_PROP_REORDER};
const AVCodecDescriptor *avcodec_descriptor_get(enum AVCodecID id) { return &descriptor; }
const AVCodec *avcodec_find_decoder(enum AVCodecID id) { return NULL; }
const AVCodec *avcodec_find_encoder(enum AVCodecID id) { return NULL; }
int ff_encode_preinit(AVCodecContext *encoder) { return AVERROR(ENOSYS); }

/* In place of libavutil/pixdesc.c: other formats are rejected by choose_format(). */

#define PLANE(i, bits) {i, 1 + ((bits) > 8), 0, 0, bits}
#define PLANES(bits) {PLANE(0, bits), PLANE(1, bits), PLANE(2, bits)}
#define YUV(format, w, h, bits) \
  [AV_PIX_FMT_##format] = {#format, 3, w, h, AV_PIX_FMT_FLAG_PLANAR, PLANES(bits)}
static const AVPixFmtDescriptor formats[AV_PIX_FMT_NB] = {
    [AV_PIX_FMT_GRAY8] = {"GRAY8", 1, 0, 0, 0, {PLANE(0, 8)}},
    [AV_PIX_FMT_GRAY10] = {"GRAY10", 1, 0, 0, 0, {PLANE(0, 10)}},
    YUV(YUV420P, 1, 1, 8),
    YUV(YUVJ420P, 1, 1, 8),
    YUV(YUV422P, 1, 0, 8),
    YUV(YUVJ422P, 1, 0, 8),
    YUV(YUV420P10, 1, 1, 10),
    YUV(YUV422P10, 1, 0, 10),
};

const AVPixFmtDescriptor *av_pix_fmt_desc_get(enum AVPixelFormat format) {
  return format >= 0 && format < AV_PIX_FMT_NB && formats[format].name ? &formats[format] : NULL;
}

int av_pix_fmt_get_chroma_sub_sample(enum AVPixelFormat format, int *w, int *h) {
  const AVPixFmtDescriptor *found = av_pix_fmt_desc_get(format);
  if (!found)
    return AVERROR(ENOSYS);
  *w = found->log2_chroma_w;
  *h = found->log2_chroma_h;
  return 0;
}

int av_pix_fmt_count_planes(enum AVPixelFormat format) {
  const AVPixFmtDescriptor *found = av_pix_fmt_desc_get(format);
  return found ? found->nb_components : AVERROR(EINVAL);
}

const char *av_color_space_name(enum AVColorSpace value) { return ""; }
const char *av_color_primaries_name(enum AVColorPrimaries value) { return ""; }
const char *av_color_transfer_name(enum AVColorTransferCharacteristic value) { return ""; }

/* In place of bitstream filters: the packet goes through. */

static AVPacket *filtered;

int av_bsf_list_parse_str(const char *names, AVBSFContext **made) {
  static AVCodecParameters parameters;
  filtered = av_packet_alloc();
  *made = av_mallocz(sizeof(**made));
  if (!*made || !filtered)
    return AVERROR(ENOMEM);
  (*made)->par_in = &parameters;
  return 0;
}

int avcodec_parameters_from_context(AVCodecParameters *parameters, const AVCodecContext *decoder) { return 0; }
int av_bsf_init(AVBSFContext *filter) { return 0; }
void av_bsf_free(AVBSFContext **filter) { av_freep(filter); }
void av_bsf_flush(AVBSFContext *filter) {}

static int is_ended;

int av_bsf_send_packet(AVBSFContext *filter, AVPacket *sent) {
  if (!sent || !sent->data) {
    is_ended = 1;
    return 0;
  }
  if (filtered->data)
    return AVERROR(EAGAIN);
  av_packet_move_ref(filtered, sent);
  return 0;
}

int av_bsf_receive_packet(AVBSFContext *filter, AVPacket *received) {
  if (!filtered->data)
    return is_ended ? AVERROR_EOF : AVERROR(EAGAIN);
  av_packet_move_ref(received, filtered);
  return 0;
}

/* Sound, and notes about the picture that do not change it. */

int av_channel_layout_from_mask(AVChannelLayout *layout, uint64_t mask) { return AVERROR(ENOSYS); }
void av_channel_layout_uninit(AVChannelLayout *layout) {}
int av_channel_layout_copy(AVChannelLayout *to, const AVChannelLayout *from) { return 0; }
int av_channel_layout_compare(const AVChannelLayout *a, const AVChannelLayout *b) { return 0; }
int av_channel_layout_check(const AVChannelLayout *layout) { return 1; }
int av_get_channel_layout_nb_channels(uint64_t layout) { return 0; }
void av_get_channel_layout_string(char *text, int size, int channels, uint64_t layout) {}
int av_sample_fmt_is_planar(enum AVSampleFormat format) { return 0; }
int av_samples_get_buffer_size(int *line, int channels, int samples, enum AVSampleFormat format, int align) {
  return AVERROR(ENOSYS);
}
int av_samples_copy(uint8_t **to, uint8_t *const *from, int to_offset, int from_offset, int samples, int channels,
                    enum AVSampleFormat format) {
  return AVERROR(ENOSYS);
}

int av_dict_set(AVDictionary **entries, const char *key, const char *value, int flags) { return 0; }
int av_dict_copy(AVDictionary **to, const AVDictionary *from, int flags) { return 0; }
void av_dict_free(AVDictionary **entries) {}

void av_display_rotation_set(int32_t matrix[9], double angle) {}
void av_display_matrix_flip(int32_t matrix[9], int horizontally, int vertically) {}

AVVideoEncParams *av_video_enc_params_create_side_data(AVFrame *frame, enum AVVideoEncParamsType type, unsigned count) {
  return NULL;
}
int ff_h274_apply_film_grain(AVFrame *to, const AVFrame *from, H274FilmGrainDatabase *database,
                             const AVFilmGrainParams *grain) {
  return 0;
}
AVDynamicHDRPlus *av_dynamic_hdr_plus_alloc(size_t *size) { return NULL; }
int ff_parse_itu_t_t35_to_dynamic_hdr10_plus(AVDynamicHDRPlus *parsed, const uint8_t *data, int size) { return 0; }
AVDynamicHDRVivid *av_dynamic_hdr_vivid_alloc(size_t *size) { return NULL; }
int ff_parse_itu_t_t35_to_dynamic_hdr_vivid(AVDynamicHDRVivid *parsed, const uint8_t *data, int size) { return 0; }
void ff_dovi_update_cfg(DOVIContext *dovi, const AVDOVIDecoderConfigurationRecord *record) {}
int ff_dovi_rpu_parse(DOVIContext *dovi, const uint8_t *data, size_t size) { return 0; }
int ff_dovi_attach_side_data(DOVIContext *dovi, AVFrame *frame) { return 0; }
void ff_dovi_ctx_unref(DOVIContext *dovi) {}
void ff_dovi_ctx_flush(DOVIContext *dovi) {}

/* Texts for logs, and the version of x264 in a note of the stream. */

int snprintf(char *text, size_t size, const char *format, ...) {
  if (size)
    *text = 0;
  return 0;
}
int vsnprintf(char *text, size_t size, const char *format, va_list values) {
  if (size)
    *text = 0;
  return 0;
}
int sscanf(const char *text, const char *format, ...) { return 0; }
void abort(void) { __builtin_trap(); }
