import { createInterface } from 'node:readline';
import { type OnvifCameraOptions, startOnvifCamera } from './camera.ts';
import { sharedSlowFeed } from './stream-side.ts';

/**
 * A simulated camera as a program, for a separate network. The first argument has its options, as JSON.
 * Each line of its input is something to do; every answer is one line of JSON.
 */
const feed = sharedSlowFeed();
const camera = await startOnvifCamera({
  feed,
  requestKeyFrame: (stream) => feed.requestKeyFrame(stream),
  ...(JSON.parse(process.argv[2] ?? '{}') as OnvifCameraOptions),
});
let count = 0;

function answer(): void {
  const { url, endpoint, address, port, rtspPort, operations, ptz } = camera;
  const { moving, position } = ptz;
  const said = { done: count, url, endpoint, address, port, rtspPort, operations, ptz: { moving, position } };
  const { wrongLogins, ntpServer, clockOffsetMs } = camera.state;
  process.stdout.write(`${JSON.stringify({ ...said, wrongLogins, ntpServer, clockOffsetMs })}\n`);
}

async function obey(line: string): Promise<void> {
  const [word, argument = ''] = line.split(' ');
  switch (word) {
    case 'motion':
      camera.motion(argument === 'on');
      break;
    case 'move':
      await camera.moveTo(argument);
      break;
    case 'hello':
      await camera.hello();
      break;
    case 'stop':
      await camera.stop({ isSilent: argument === 'silently' });
      break;
    case 'start':
      await camera.start();
      break;
    case 'clock':
      camera.state.clockOffsetMs = Number(argument);
      break;
    case 'reboot':
      await camera.reboot();
      break;
    default:
      break;
  }
  count += 1;
  answer();
}

answer();
for await (const line of createInterface({ input: process.stdin })) {
  await obey(line);
}
await camera[Symbol.asyncDispose]();
process.exit(0);
