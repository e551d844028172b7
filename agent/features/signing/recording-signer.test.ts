import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../test/support/base/fake-clock.ts';
import { record, temporaryFolder, WALL } from '../../../test/support/disks/recordings.ts';
import { newSigningKey, signFiles, verified } from '../../../test/support/disks/signed-recordings.ts';
import { KEYS } from '../../../test/support/harness/loaded-config.ts';
import { openPlayback } from '../../../test/support/harness/playback.ts';
import { silentLogger } from '../../base/log.ts';
import { type Config, parseConfig } from '../../config/load/load.ts';
import type { FinishedSegment, Segment } from '../../record/file/segment-log.ts';
import { signatureFileOf } from '../../record/signing/signature-file.ts';
import { RecordingSigner } from './recording-signer.ts';
import { fingerprintHere, SIGNING_KEY_FILE } from './stored-key.ts';

const configOf = (text: string): Config =>
  parseConfig(text, 'perch.yml', {}, { recordPath: '/rec/%path/%s-%f', cwd: '/', keys: KEYS }).config as Config;

class WallClock extends FakeClock {
  override wallMs = (): number => WALL + 60_000;
}

async function setUp(folder: string, text: string, isHeldUp = () => false) {
  const [file = ''] = await record(folder, 4);
  const playback = openPlayback(folder);
  await playback.rebuild(new AbortController().signal);
  const clock = new WallClock();
  const dataDir = join(folder, 'data');
  const config = configOf(text);
  let finished: (segment: FinishedSegment) => void = () => {};
  const signed: string[] = [];
  const recordings = {
    playback,
    recorders: {
      onFinished: (listener: typeof finished) => {
        finished = listener;
        return () => {};
      },
    },
    get isHeldUp() {
      return isHeldUp();
    },
    signed: (segment: Segment) => void signed.push(segment.file),
  };
  const signer = new RecordingSigner({ dataDir, clock, log: silentLogger, config: () => config, recordings });
  const finish = () => finished({ path: 'cam', file, startUs: WALL * 1000 } as FinishedSegment);
  const stop = new AbortController();
  return {
    ...{ file, signer, stop, clock, dataDir, signed, finish },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await signer.close();
      await playback.close();
    },
  };
}

/** What waits is signed. */
async function closed(signer: RecordingSigner, clock: FakeClock): Promise<void> {
  let isDone = false;
  void signer.close().then(() => {
    isDone = true;
  });
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return isDone;
    })
    .toBe(true);
}

const SIGNED = 'pathDefaults:\n  recordSign: yes\npaths:\n  cam:\n';

test('a finished recording is signed, in pauses', async () => {
  using folder = temporaryFolder();
  await using running = await setUp(folder.path, SIGNED);
  const { file, signer, stop, clock, dataDir } = running;
  running.finish();
  expect(existsSync(join(dataDir, SIGNING_KEY_FILE))).toBe(false);
  await signer.begin(stop.signal);
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return existsSync(signatureFileOf(file));
    })
    .toBe(true);
  expect(await verified(file, { key: (await fingerprintHere(dataDir)) ?? '' })).toMatchObject({ code: 0 });
  expect(statSync(join(dataDir, SIGNING_KEY_FILE)).mode & 0o777).toBe(0o600);
});

test('what a power cut left unsigned is signed at the start, with the time of the signature', async () => {
  using folder = temporaryFolder();
  await using running = await setUp(folder.path, SIGNED);
  const { file, signer, stop, clock } = running;
  await signer.begin(stop.signal);
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return existsSync(signatureFileOf(file));
    })
    .toBe(true);
  const { text } = await verified(file);
  expect(text).toContain(`signed ${new Date(WALL + 60_000).toISOString()} to`);
});

test('a recording that ends while the start looks for unsigned ones is signed once', async () => {
  using folder = temporaryFolder();
  await using running = await setUp(folder.path, SIGNED);
  const { file, signer, stop, clock } = running;
  running.finish();
  await signer.begin(stop.signal);
  await expect
    .poll(async () => {
      await clock.advance(1_000);
      return existsSync(signatureFileOf(file));
    })
    .toBe(true);
  const { ino } = statSync(signatureFileOf(file));
  await closed(signer, clock);
  expect(statSync(signatureFileOf(file)).ino).toBe(ino);
});

test('a start reports what was signed before it: a copy elsewhere may lack the signatures', async () => {
  using folder = temporaryFolder();
  await using running = await setUp(folder.path, SIGNED);
  const { file, signer, stop, clock } = running;
  await signFiles([file], newSigningKey());
  await signer.begin(stop.signal);
  await closed(signer, clock);
  expect(running.signed).toEqual([file]);
});

test('nothing is signed unless it is wanted, and there is no key', async () => {
  using folder = temporaryFolder();
  await using running = await setUp(folder.path, 'paths:\n  cam:\n');
  const { file, signer, stop, clock, dataDir } = running;
  await signer.begin(stop.signal);
  running.finish();
  await clock.advance(10_000);
  await signer.close();
  expect([existsSync(signatureFileOf(file)), existsSync(join(dataDir, SIGNING_KEY_FILE))]).toEqual([false, false]);
});

test('a recording that is deleted meanwhile leaves no signatures', async () => {
  using folder = temporaryFolder();
  let isHeldUp = true;
  await using running = await setUp(folder.path, SIGNED, () => isHeldUp);
  const { file, signer, stop, clock } = running;
  await signer.begin(stop.signal);
  await clock.advance(2_000);
  rmSync(file);
  isHeldUp = false;
  await closed(signer, clock);
  expect(existsSync(signatureFileOf(file))).toBe(false);
});
