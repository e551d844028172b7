/**
 * `node start.mjs packaging/picture-decoder/build.ts`: writes agent/picture/decoder.wasm, of FFmpeg's decoders of H.264 and
 * H.265. The same bytes on every machine with `apt install clang-14 lld-14 wasi-libc libclang-rt-14-dev-wasm32 binaryen
 * patch` of Debian 12.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { call } from '../call.ts';

const HERE = import.meta.dirname;
export const SOURCES = join(HERE, 'ffmpeg-5.1.9.tar.xz');
export const PATCHES = [join(HERE, 'smaller.patch'), join(HERE, 'blocks.patch')];
export const SHIMS = [join(HERE, 'decoder.c'), join(HERE, 'blocks.c')];
export const DECODER = join(HERE, '../../agent/picture/decoder.wasm');

export const COMPILER = 'clang-14';
export const FLAGS = [
  '--target=wasm32-wasi',
  '-std=c11',
  '-Oz',
  '-flto',
  '-fno-math-errno',
  // FFmpeg's own warnings.
  '-w',
  '-I.',
  `-I${HERE}`,
  '-DHAVE_AV_CONFIG_H',
];

const AVCODEC = `atsc_a53 avcodec avpacket bitstream bswapdsp cabac decode get_buffer golomb h2645_parse h264_cabac h264_cavlc
  h264_direct h264_loopfilter h264_mb h264_parse h264_picture h264_ps h264_refs h264_sei h264_slice h264chroma h264data h264dec
  h264dsp h264idct h264pred h264qpel hevc_cabac hevc_data hevc_filter hevc_mvs hevc_parse hevc_ps hevc_refs hevc_sei hevcdec
  hevcdsp hevcpred mathtables profiles startcode utils videodsp vlc`;
const AVUTIL = `avstring buffer fifo film_grain_params frame hwcontext imgutils intmath log2_tab mastering_display_metadata
  mathematics md5 mem rational reverse stereo3d timecode`;

/** @returns the files that are compiled, below the sources' folder */
export const units = (): string[] => [
  ...AVCODEC.split(/\s+/).map((name) => `libavcodec/${name}.c`),
  ...AVUTIL.split(/\s+/).map((name) => `libavutil/${name}.c`),
];

export async function buildDecoder(): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'perch-decoder-'));
  try {
    await call('tar', ['-xJf', SOURCES, '-C', folder]);
    for (const patch of PATCHES) {
      await call('patch', ['-p1', '-s', '-i', patch], { cwd: folder });
    }
    const files = [...units(), ...SHIMS];
    const objects = files.map((_, i) => `${i}.o`);
    const compile = async (i: number): Promise<void> => {
      await call(COMPILER, [...FLAGS, '-c', files[i] as string, '-o', objects[i] as string], { cwd: folder });
    };
    const waiting = files.keys();
    const worker = async (): Promise<void> => {
      for (const i of waiting) {
        await compile(i);
      }
    };
    await Promise.all(Array.from({ length: availableParallelism() }, worker));
    const link = [
      '-mexec-model=reactor',
      '-Wl,--gc-sections',
      '-Wl,--strip-all',
      // One memory serves instances one after the other.
      '-Wl,--import-memory',
      // A picture of 8192 x 4320 and its reference.
      `-Wl,--max-memory=${256 << 20}`,
    ];
    // Without this program, the compiler links a larger decoder and does not say why.
    await call('wasm-opt', ['--version']);
    await call(COMPILER, ['--target=wasm32-wasi', '-Oz', '-flto', ...link, '-o', 'linked.wasm', ...objects], {
      cwd: folder,
    });
    // The zeros are in the memory already.
    await call('wasm-opt', ['--zero-filled-memory', '--memory-packing', 'linked.wasm', '-o', 'decoder.wasm'], {
      cwd: folder,
    });
    return await readFile(join(folder, 'decoder.wasm'));
  } finally {
    await rm(folder, { recursive: true });
  }
}

if (import.meta.main) {
  await writeFile(DECODER, await buildDecoder());
}
