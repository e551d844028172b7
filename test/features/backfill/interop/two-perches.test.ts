import { mkdtempSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FETCHED_BOOTS } from '../../../../agent/record/file/file-mark.ts';
import { readRecordingHead } from '../../../../agent/record/file/recording-file.ts';
import { filesBelow, temporaryFolder } from '../../../support/disks/recordings.ts';
import {
  eventually,
  expectMissedFilled,
  GAP,
  openMissedBox,
  pathLines,
  prepareOutage,
  recordSamples,
  SECONDS,
  samplesOf,
  startMissedCamera,
} from '../support/outage.ts';

test('Perch fills its gap from the recordings of another Perch, by its ONVIF device', { timeout: 120_000 }, async ({
  onTestFinished,
}) => {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const [far, near] = ['far', 'near'].map((name) => mkdtempSync(join(folder.path, name))) as [string, string];
  const door = await startMissedCamera(onTestFinished, 'door');
  const recordPath = join(far, 'recordings/%path/%s-%f');
  await recordSamples(recordPath, 'door', door.card.tracks[0], samplesOf(door, 0, SECONDS));
  const onvif = 'onvif: yes\nonvifDiscovery: no\nonvifAddress: 127.0.0.1:0\n';
  const { box: recorder, host: its } = await openMissedBox(
    onTestFinished,
    join(far, 'data'),
    pathLines(door, recordPath),
    onvif,
  );
  const { cameras } = (await recorder.call('GET', '/onvif')).body as unknown as { cameras: { port: number }[] };
  const rights = { name: 'other Perch', live: true, onvif: true, recordings: true };
  const { body } = await recorder.call('POST', '/devicepasswords', rights);
  const login = { user: String(body['user']), password: String(body['password']) };
  await eventually(() => its.paths.find('door')?.recording?.active || undefined);

  const own = await prepareOutage(near, [door]);
  const source = `rtsp://${login.user}:${login.password}@127.0.0.1:${recorder.rtspPort}/door`;
  const camera = { url: `http://127.0.0.1:${cameras[0]?.port}/onvif/device_service`, source, ...login };
  const lines = pathLines(door, own.recordPath, '', camera);
  const { box, host, itemOf, isOver } = await openMissedBox(onTestFinished, own.dataDir, lines);
  await eventually(async () => (await isOver('door')) || undefined);
  expect((await itemOf('door')).card?.recordings).toBe(1);
  const [from, to] = GAP.map((second) => encodeURIComponent(new Date(door.fromMs + second * 1_000).toISOString()));
  const { fetched } = (await box.call('GET', `/timeline/door?from=${from}&to=${to}`)).body;
  expect(fetched).toMatchObject([[expect.any(Number), expect.any(Number)]]);
  const marks = await Promise.all(
    filesBelow(near)
      .filter((file) => file.endsWith('.mp4'))
      .map(async (file) => {
        await using handle = await open(file);
        return (await readRecordingHead(handle)).fileMark;
      }),
  );
  expect(marks.filter((mark) => mark?.bootId === FETCHED_BOOTS.card)).toMatchObject([{ isClockTrusted: true }]);
  await expectMissedFilled(host, door);
});
