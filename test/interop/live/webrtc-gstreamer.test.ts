import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startAgent } from '../../peers/agent/agent.ts';
import { barClip, SMALL } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { describeWith, PYTHON } from '../../peers/programs/peers.ts';
import { runProcess } from '../../peers/programs/process.ts';

const VIEWER = join(import.meta.dirname, '../../peers/clients/gst-webrtc-viewer.py');
const PICTURES = 30;

/** ICE by libnice in the controlling role, with regular nomination. */
describeWith(['webrtcbin', 'ffmpeg'], "GStreamer's webrtcbin", () => {
  test('watches a stream of H.264', async () => {
    await using agent = await startAgent({ config: 'paths: { all_others: }\n' });
    await using _publisher = await publishClip(agent, 'cam', await barClip(SMALL), { isEndless: true });
    const url = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
    const { code, output } = await runProcess(PYTHON, [VIEWER, url, String(PICTURES)]);
    expect(code, output).toBe(0);
    const seen = JSON.parse(output.split('\n').find((line) => line.startsWith('{')) ?? '{}') as object;
    expect(seen).toEqual({
      pictures: expect.any(Number),
      size: [SMALL.width, SMALL.height],
      firstPictureMs: expect.any(Number),
    });
  });
});
