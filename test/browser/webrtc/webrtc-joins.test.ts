// @also without-ffi in long

import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startAgent } from '../../peers/agent/agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { watch } from '../../peers/browser/webrtc-viewer.ts';
import { barClip, SMALL, TINY } from '../../peers/cameras/bar-clip.ts';
import { publishClip } from '../../peers/clients/publisher.ts';
import { byLength, describeWith } from '../../peers/programs/peers.ts';

const JOINS = byLength(12, 1_000);
const SIDE_BY_SIDE = 4;
/** A new page after this many joins: Chromium keeps some memory of each connection. */
const JOINS_OF_A_PAGE = 40;
/** Long before the next key frame. */
const MAX_WAIT_MS = 10_000;
const CLIP = { ...byLength(TINY, SMALL), groupSeconds: 20, audio: 'opus' } as const;

describeWith(['chromium', 'ffmpeg'], 'many viewers that join in the middle of a group of twenty seconds', () => {
  test(`${JOINS} of them all get a picture, and the server removes them all`, async () => {
    await using agent = await startAgent({ config: 'api: yes\npaths:\n  all_others:\n' });
    await using viewer = await startViewer();
    await using _publisher = await publishClip(agent, 'cam', await barClip(CLIP), { isEndless: true });
    const url = `http://127.0.0.1:${agent.ports.webrtc}/cam/whep`;
    const black: number[] = [];
    let joined = 0;
    const page = async (): Promise<void> => {
      const opened = await viewer.open(`${agent.url}/health`);
      for (let i = 0; i < JOINS_OF_A_PAGE && joined < JOINS; i += 1) {
        joined += 1;
        const number = joined;
        const watching = await watch(opened, { url });
        const deadline = delay(MAX_WAIT_MS, undefined, { ref: false });
        const shown = await Promise.race([watching.shown(2), deadline]);
        if (!(shown && shown.contrast > 150)) {
          black.push(number);
        }
        await watching.close();
      }
      await opened.close();
    };
    const pages = async (): Promise<void> => {
      while (joined < JOINS) {
        await page();
      }
    };
    await Promise.all(Array.from({ length: SIDE_BY_SIDE }, pages));
    expect(black).toEqual([]);
    const { itemCount } = await agent.json<{ itemCount: number }>('/v3/webrtcsessions/list');
    expect(itemCount).toBe(0);
  });
});
