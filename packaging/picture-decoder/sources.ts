/**
 * `node start.mjs packaging/picture-decoder/sources.ts ffmpeg_5.1.9.orig.tar.xz`: keeps of FFmpeg's sources the files that
 * the picture decoder is built from, with the headers that its `configure` writes. Only needed for another version of
 * FFmpeg; `apt-get source --download-only ffmpeg` fetches Debian's. Needs what build.ts needs, and make.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { call } from '../call.ts';
import { COMPILER, FLAGS, PATCHES, SHIMS, SOURCES, units } from './build.ts';

const CONFIGURE = [
  `--cc=${COMPILER} --target=wasm32-wasi`,
  '--ar=llvm-ar-14',
  '--ranlib=llvm-ranlib-14',
  '--nm=llvm-nm-14',
  '--enable-cross-compile',
  '--target-os=none',
  '--arch=wasm32',
  '--disable-all',
  '--disable-everything',
  '--disable-autodetect',
  '--disable-asm',
  '--disable-pthreads',
  '--disable-network',
  '--disable-runtime-cpudetect',
  '--disable-error-resilience',
  '--enable-small',
  '--enable-avcodec',
  '--enable-decoder=h264,hevc',
];
const CONFIGURED = ['config.h', 'config_components.h', 'libavutil/avconfig.h'];
const LICENSES = ['COPYING.LGPLv2.1', 'LICENSE.md', 'CREDITS'];

const upstream = resolve(process.argv[2] ?? 'ffmpeg.orig.tar.xz');
const folder = await mkdtemp(join(tmpdir(), 'perch-ffmpeg-'));
try {
  await call('tar', ['-xJf', upstream, '-C', folder, '--strip-components=1']);
  await call('./configure', CONFIGURE, { cwd: folder });
  const config = await readFile(join(folder, 'config.h'), 'utf8');
  // What it was called with names this machine's folders; WASI's library has no iconv that is of use here.
  const plain = config.replace(/^#define FFMPEG_CONFIGURATION .*$/m, '#define FFMPEG_CONFIGURATION ""');
  await writeFile(join(folder, 'config.h'), plain.replace('#define CONFIG_ICONV 1', '#define CONFIG_ICONV 0'));
  const original = await used(folder);
  await writeFile(join(folder, 'SOURCE'), `${await call('sha256sum', [upstream])}`.replace(/ .*\//, '  '));
  const files = [...new Set([...original, ...CONFIGURED, ...LICENSES, 'SOURCE'])].sort();
  const fixed = ['--owner=0', '--group=0', '--numeric-owner', '--mtime=@0', '--mode=u=rw,go=r', '--no-recursion'];
  await call('tar', ['-cJf', SOURCES, ...fixed, '-C', folder, ...files], { env: { XZ_OPT: '-9e' } });
} finally {
  await rm(folder, { recursive: true });
}

/** The files that the compiler reads. */
async function used(root: string): Promise<string[]> {
  for (const patch of PATCHES) {
    await call('patch', ['-p1', '-s', '-i', patch], { cwd: root });
  }
  const read = new Set<string>();
  for (const file of [...units(), ...SHIMS]) {
    const rule = join(root, 'rule.d');
    await call(COMPILER, [...FLAGS, '-MM', '-MF', rule, file], { cwd: root });
    for (const name of (await readFile(rule, 'utf8')).split(/[\s\\]+/).slice(1)) {
      read.add(relative(root, resolve(root, name)));
    }
  }
  for (const patch of PATCHES.toReversed()) {
    await call('patch', ['-p1', '-s', '-R', '-i', patch], { cwd: root });
  }
  return [...read].filter((file) => !file.startsWith('..') && file !== '');
}
