import { startDemoAgent } from '../../peers/agent/demo-agent.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import type { Figure } from '../measure/figure.ts';

const TIMES = 5;
/** A phone of some years ago. */
const SLOW_DOWN = 4;

export const uiFirstPaint: Figure = {
  name: 'ui-first-paint',
  unit: 'ms',
  goal: 500,
  isAbsolute: true,
  about: `from the request for the page to its first paint: Chromium slowed down ${SLOW_DOWN} times, empty cache, over loopback`,
  measure: async (note) => {
    await using agent = await startDemoAgent();
    await using viewer = await startViewer();
    const times: number[] = [];
    for (let i = 0; i < TIMES; i += 1) {
      // Each context has a separate cache.
      const context = await viewer.browser.newContext({ viewport: { width: 390, height: 844 } });
      const page = await context.newPage();
      const devtools = await context.newCDPSession(page);
      await devtools.send('Emulation.setCPUThrottlingRate', { rate: SLOW_DOWN });
      await page.goto(`${agent.url}/#/live`);
      const paint = await page.waitForFunction(
        () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime,
      );
      const ms = (await paint.jsonValue()) ?? Number.NaN;
      note(`${ms.toFixed(0)} ms`);
      times.push(ms);
      await context.close();
    }
    return times;
  },
};
