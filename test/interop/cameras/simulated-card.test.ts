import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startOnvifCamera } from '../../onvif-camera/camera.ts';
import { filledCard } from '../../onvif-camera/card/filled-card.ts';
import { ffprobe } from '../../peers/programs/ffmpeg.ts';
import { AV_PYTHON, describeWith } from '../../peers/programs/peers.ts';

const LOGIN = { user: 'admin', password: 'for the camera' };
const READER = join(import.meta.dirname, '../../peers/clients/onvif-card-reader.py');
const START_MS = Date.UTC(2026, 2, 1, 12);

async function startCard() {
  const card = filledCard({ fromMs: START_MS, seconds: 30 });
  const quirks = { cardFiles: { everyMs: 10_000, overlapMs: 500 } };
  const camera = await startOnvifCamera({ credentials: LOGIN, card, quirks });
  onTestFinished(() => camera[Symbol.asyncDispose]());
  return camera;
}

describeWith(['onvif-zeep-async', 'ffmpeg'], 'the simulated camera with a card', () => {
  test('its search, recording and replay services are those of the WSDL, as a strict client reads them', async () => {
    const camera = await startCard();
    const run = promisify(execFile)(AV_PYTHON, [
      ...[READER, '127.0.0.1', String(camera.port), LOGIN.user, LOGIN.password],
    ]);
    expect(JSON.parse((await run).stdout)).toEqual({
      count: 3,
      from: '2026-03-01T12:00:00+00:00',
      tokens: ['FILE_0', 'FILE_1', 'FILE_2'],
      tracks: ['Video', 'Audio'],
      listed: ['FILE_0', 'FILE_1', 'FILE_2'],
      uri: `rtsp://127.0.0.1:${camera.state.replayPort}/replay/FILE_0?source=card`,
    });
  });

  test('ffmpeg plays its replay', async () => {
    const camera = await startCard();
    const { user, password } = LOGIN;
    const uri = `rtsp://${user}:${encodeURIComponent(password)}@127.0.0.1:${camera.state.replayPort}/replay/FILE_1`;
    const { streams } = await ffprobe(uri, ['-rtsp_transport', 'tcp']);
    expect(streams).toMatchObject([
      { codec_name: 'h264', width: 160, height: 90 },
      { codec_name: 'pcm_alaw', sample_rate: '8000' },
    ]);
  });
});
