import { startDemoAgent } from '../../peers/agent/demo-agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { firstPaintMs } from '../../peers/browser/page-speed.ts';
import type { Figure } from '../measure/figure.ts';

const TIMES = 5;
/** A phone of some years ago. */
const SLOW_DOWN = 4;

const firstPaint =
  (slowDown: number): Figure['measure'] =>
  async (note) => {
    await using agent = await startDemoAgent();
    await using viewer = await startViewer();
    const times: number[] = [];
    for (let i = 0; i < TIMES; i += 1) {
      const ms = await firstPaintMs(viewer.browser, `${agent.url}/#/live`, { slowDown });
      note(`${ms.toFixed(0)} ms`);
      times.push(ms);
    }
    return times;
  };

const ABOUT = 'from the request for the page to its first paint: Chromium';
const HOW = 'empty cache, over loopback';

export const uiFirstPaint: Figure = {
  name: 'ui-first-paint',
  unit: 'ms',
  goal: 500,
  isAbsolute: true,
  about: `${ABOUT} slowed down ${SLOW_DOWN} times, ${HOW}`,
  measure: firstPaint(SLOW_DOWN),
};

export const uiFirstPaintFull: Figure = {
  name: 'ui-first-paint-full',
  unit: 'ms',
  goal: 200,
  isAbsolute: true,
  about: `${ABOUT} at full speed, ${HOW}`,
  measure: firstPaint(1),
};
