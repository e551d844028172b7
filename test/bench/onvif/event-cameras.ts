import { createInterface } from 'node:readline';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';

/**
 * Simulated cameras in a separate process; the argument is their number. Prints each camera as a line of JSON, then answers each line
 * of its input with the number of motion events so far: `every MS` begins motion at each camera at this interval, for half of it, and
 * `still` ends it.
 */
const LOGIN = { user: 'admin', password: 'bench' };
const count = Number(process.argv[2] ?? 64);
const cameras = await Promise.all(
  Array.from({ length: count }, (_, i) => startOnvifCamera({ address: `127.0.1.${i + 1}`, credentials: LOGIN })),
);
const addresses = cameras.map(({ url, endpoint, state }) => ({
  url,
  endpoint,
  serial: state.identity.serial,
  ...LOGIN,
}));
process.stdout.write(`${JSON.stringify(addresses)}\n`);

const moves = cameras.map(() => false);
let begun = 0;
let timers: NodeJS.Timeout[] = [];

/** Not all at once: cameras do not know each other. */
function move(everyMs: number): void {
  timers = cameras.map((camera, i) => {
    const turn = (): void => {
      const isOn = !moves[i];
      moves[i] = isOn;
      begun += Number(isOn);
      camera.motion(isOn);
    };
    return setTimeout(
      () => {
        turn();
        timers[i] = setInterval(turn, everyMs / 2);
      },
      (everyMs * i) / count,
    );
  });
}

for await (const line of createInterface({ input: process.stdin })) {
  const [word, everyMs] = line.split(' ');
  for (const timer of timers) {
    clearInterval(timer);
  }
  timers = [];
  if (word === 'every') {
    move(Number(everyMs));
  }
  process.stdout.write(`${begun}\n`);
}
process.exit(0);
