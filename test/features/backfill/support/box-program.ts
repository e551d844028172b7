import { createInterface } from 'node:readline';
import { App } from '../../../../agent/app/app.ts';
import { systemClock } from '../../../../agent/base/clock.ts';
import { createLogger } from '../../../../agent/base/log.ts';
import { Backfill } from '../../../../agent/features/backfill/backfill.ts';
import { backfill } from '../../../../agent/features/backfill/feature.ts';
import type { Feature, Host } from '../../../../agent/features/contract.ts';
import type { Stream } from '../../../../agent/stream/stream.ts';
import { recordedPictures } from './pictures.ts';

/**
 * A box that fills gaps, as a program that can be killed. Its arguments are the configuration file, its data folder and how long a camera
 * has to be back, in milliseconds. It prints the state of a path, as JSON, whenever that changes; for a line of its input, all pictures.
 */
const LATE_MS = 500;
/** Two pictures of a camera with ten or more a second. */
const MAX_STEP_TICKS = 18_000;
const [file = '', dataDir = '', stableMs = ''] = process.argv.slice(2);
let host: Host | undefined;
let filling: Backfill | undefined;
const feature: Feature = {
  ...backfill,
  open: (its) => {
    host = its;
    const opened = new Backfill(its, Number(stableMs));
    filling = opened;
    return {
      begin: () => opened.begin(),
      indexed: async () => opened.start(),
      close: () => opened.close(),
    };
  },
};
const app = await App.start({
  ...{ version: 'v0.0.0', dataDir, file, cwd: dataDir, env: {}, pageFolder: dataDir, clock: systemClock },
  log: createLogger('info', (line) => void process.stderr.write(line)),
  features: [feature],
});
/** Of the live stream of the path. */
const live = { pictures: 0, late: 0, lost: 0 };
const watched = new WeakSet<Stream>();
function watch(stream: Stream): void {
  watched.add(stream);
  let lastDts = Number.NaN;
  stream.addReader(
    {
      id: 'live pictures',
      onSample: (track, { wall, dts }) => {
        if (track === 0) {
          live.pictures += 1;
          live.late += Date.now() - wall > LATE_MS ? 1 : 0;
          live.lost += dts - lastDts > MAX_STEP_TICKS ? 1 : 0;
          lastDts = dts;
        }
      },
      onTrack: () => {},
      onEnd: () => {},
    },
    false,
  );
}

let said = '';
setInterval(() => {
  const [item] = filling?.list().items ?? [];
  for (const [, stream] of host?.paths.openStreams() ?? []) {
    if (!watched.has(stream)) {
      watch(stream);
    }
  }
  const isRecorded = host?.paths.find(item?.path ?? '')?.recording?.active ?? false;
  const text = JSON.stringify({ ...item, isRecorded, live });
  if (text !== said) {
    said = text;
    process.stdout.write(`${text}\n`);
  }
}, 20);
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
for await (const path of createInterface({ input: process.stdin })) {
  if (host) {
    process.stdout.write(`${JSON.stringify(await recordedPictures(host, path))}\n`);
  }
}
