import { writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { systemClock } from '../../../../agent/base/clock.ts';
import { DemoStreams } from '../../../../agent/demo-camera/demo-streams.ts';
import { startOnvifCamera } from '../../../onvif-camera/camera.ts';
import { SdCard } from '../../../onvif-camera/card/sd-card.ts';
import { LOGIN } from './outage.ts';
import { picturesOf } from './pictures.ts';

/**
 * Cameras with cards, as a program for a separate network. Its arguments are their number, the width of their pictures (16:9) and pictures
 * a second; it prints their ports as a line of JSON. For each line of its input, a file name, it writes the pictures of all cards to that file: they see the same.
 */
const [count, width, fps] = process.argv.slice(2).map(Number) as [number, number, number];
const SIZES = new Map([
  ['main', [width, (width * 9) / 16]],
  ['sub', [160, 90]],
] as const);

const feed = new DemoStreams(systemClock, SIZES, fps);
const card = SdCard.of(feed);
const options = { address: '0.0.0.0', credentials: LOGIN, card, feed } as const;
const requestKeyFrame = (stream: string) => feed.requestKeyFrame(stream);
const cameras = await Promise.all(
  Array.from({ length: count }, () => startOnvifCamera({ ...options, requestKeyFrame })),
);
process.stdout.write(`${JSON.stringify(cameras.map((camera) => [camera.url, camera.rtspUrl()]))}\n`);
for await (const file of createInterface({ input: process.stdin })) {
  writeFileSync(file, JSON.stringify(picturesOf(card)));
  process.stdout.write(`${file}\n`);
}
process.exit(0);
