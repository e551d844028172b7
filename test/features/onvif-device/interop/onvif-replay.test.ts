import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import onvif from 'onvif/promises/index.js';
import { expect, onTestFinished, test } from 'vitest';
import { ffprobe } from '../../../peers/programs/ffmpeg.ts';
import { AV_PYTHON, describeWith, PYTHON } from '../../../peers/programs/peers.ts';
import { freeUdpPort } from '../../../support/base/free-udp-port.ts';
import { record, temporaryFolder, WALL } from '../../../support/disks/recordings.ts';
import { openAdoptionHarness } from '../../../support/harness/adoption-harness.ts';

const CLIENTS = join(import.meta.dirname, '../../../peers/clients');
const START_S = WALL / 1000;
const run = promisify(execFile);

/** A Perch with six seconds of recordings, a gap of ten, and three more; a device password that may play them. */
async function openRecorded() {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const recordPath = join(folder.path, '%path/%s-%f');
  await record(folder.path, 6, { recordPath });
  await record(folder.path, 3, { recordPath, wall: WALL + 16_000 });
  const config = `onvif: yes\nonvifDiscovery: no\nonvifAddress: 127.0.0.1:0\npaths:\n  cam:\n    recordPath: ${recordPath}\n`;
  const box = await openAdoptionHarness({ port: await freeUdpPort() }, config);
  onTestFinished(() => box[Symbol.asyncDispose]());
  const { cameras } = (await box.call('GET', '/onvif')).body as { cameras: { port: number }[] };
  const login = async (more: object) => {
    const { body } = await box.call('POST', '/devicepasswords', { name: 'NVR', live: false, onvif: true, ...more });
    return { user: String(body['user']), password: String(body['password']) };
  };
  const uri = `rtsp://127.0.0.1:${box.rtspPort}/cam?onvif-replay`;
  return { box, folder: folder.path, port: cameras[0]?.port ?? 0, login, uri };
}

/** Times of the pictures of a download, seconds after its start. */
async function downloadedTimes(url: string, cookie: string, folder: string): Promise<number[]> {
  const response = await fetch(url, { headers: { cookie } });
  expect(response.status).toBe(200);
  const file = join(folder, 'download.mp4');
  writeFileSync(file, Buffer.from(await response.arrayBuffer()));
  const { packets = [] } = (await ffprobe(file, ['-show_packets'])) as unknown as { packets?: { pts_time: string }[] };
  return packets.map(({ pts_time }) => Number(pts_time));
}

describeWith(['onvif-zeep-async'], "Home Assistant's library, which checks answers against the WSDL of ONVIF", () => {
  test('finds recordings, their gaps and their address', async () => {
    const { port, login, uri } = await openRecorded();
    const { user, password } = await login({ recordings: true });
    const script = join(CLIENTS, 'onvif-playback.py');
    const seen = JSON.parse((await run(AV_PYTHON, [script, '127.0.0.1', String(port), user, password])).stdout);
    expect(seen).toEqual({
      replay: `http://127.0.0.1:${port}/onvif/replay_service`,
      ...{ tokens: ['main'], tracks: ['video0'], found: ['main'], state: 'Completed', width: 64, uri },
      ...{ from: START_S, until: START_S + 19 },
      events: [
        ...[
          [START_S, 'true'],
          [START_S + 6, 'false'],
        ],
        ...[
          [START_S + 16, 'true'],
          [START_S + 19, 'false'],
        ],
      ],
    });
  });
});

test("npm's onvif gets the recordings and their address, and nothing without the right", async () => {
  const { port, login, uri } = await openRecorded();
  const open = async (more: object) => {
    const { user: username, password } = await login(more);
    const cam = new onvif.Cam({ hostname: '127.0.0.1', port, username, password, autoconnect: false, timeout: 5_000 });
    await (cam as unknown as { connect(): Promise<void> }).connect();
    return cam as unknown as {
      getRecordings(): Promise<unknown>;
      getReplayUri(options: object): Promise<{ uri: string }>;
    };
  };
  const permitted = await open({ recordings: true });
  expect(JSON.stringify(await permitted.getRecordings())).toContain('"recordingToken":"main"');
  expect(JSON.stringify(await permitted.getReplayUri({ protocol: 'RTSP', recordingToken: 'main' }))).toContain(uri);
  const refused = await open({ recordings: false });
  await expect(refused.getRecordings()).rejects.toThrow('does not permit recordings');
});

describeWith(['gstreamer', 'ffmpeg'], 'GStreamer as an ONVIF client', () => {
  /** [Unix seconds by the header extension, seconds of the test] of each picture. */
  const replay = async (rateControl: 'yes' | 'no') => {
    const { box, folder, login, uri } = await openRecorded();
    const { user, password } = await login({ recordings: true });
    const script = join(CLIENTS, 'gst-onvif-replay.py');
    const { stdout } = await run(PYTHON, [script, uri, user, password, rateControl]);
    const pictures: [number, number][] = JSON.parse(stdout);
    const times = pictures.map(([unixS]) => Number((unixS - START_S).toFixed(3)));
    const tookS = (pictures.at(-1)?.[1] ?? 0) - (pictures[0]?.[1] ?? 0);
    return { box, folder, times, tookS };
  };

  test('fetches the pictures of two downloads with their times, as fast as it reads', async () => {
    const { box, folder, times, tookS } = await replay('no');
    const downloaded = async (fromS: number, durationS: number) => {
      const start = encodeURIComponent(new Date((START_S + fromS) * 1000).toISOString());
      const url = `${box.url}/playback/get?path=cam&start=${start}&duration=${durationS}&format=mp4`;
      const found = await downloadedTimes(url, box.cookie, folder);
      return found.map((seconds) => Number((fromS + seconds).toFixed(3)));
    };
    // GStreamer 1.22 drops the first picture over TCP: it has no time of arrival.
    expect(times).toEqual([...(await downloaded(0, 6)).slice(1), ...(await downloaded(16, 3))]);
    expect(tookS).toBeLessThan(3);
  });

  test('plays in real time with rate control, without the gap', async () => {
    const { times, tookS } = await replay('yes');
    expect([times.length, times.at(-1)]).toEqual([89, 18.9]);
    // Its buffer of two seconds is filled first.
    expect(tookS).toBeGreaterThan(5);
    expect(tookS).toBeLessThan(12);
  });
});
