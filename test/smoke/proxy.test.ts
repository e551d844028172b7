import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Agent } from '../peers/agent/agent.ts';
import { startDemoAgent } from '../peers/agent/demo-agent.ts';
import { framesDecoded, startViewer, type Viewer } from '../peers/browser/browser.ts';
import { type FrontServer, startProxy } from '../peers/host/proxies.ts';
import { describeWith, inShort } from '../peers/programs/peers.ts';

const FRAMES = 20;
const DESKTOP = { width: 1440, height: 900 };

let agent: Agent;
let viewer: Viewer;
beforeAll(async () => {
  [agent, viewer] = await Promise.all([startDemoAgent({ env: { PERCH_TRUSTEDPROXIES: '127.0.0.1' } }), startViewer()]);
});
afterAll(async () => {
  await viewer?.[Symbol.asyncDispose]();
  await agent?.[Symbol.asyncDispose]();
});

for (const name of inShort(['nginx', 'apache', 'caddy'] as const, 'nginx')) {
  describeWith([name, 'chromium'], `Chromium, in a folder behind ${name}`, () => {
    let proxy: FrontServer;
    beforeAll(async () => {
      proxy = await startProxy(name, agent.ports.main);
    });
    afterAll(() => proxy?.[Symbol.asyncDispose]());

    test.for(inShort(['/', '/webrtc/demo/', '/hls/demo/'], '/', '/hls/demo/'))(
      '%s shows the live picture',
      async (address) => {
        const page = await viewer.open(`${proxy.url}${address}`, DESKTOP);
        onTestFinished(() => page.close());
        const outside: string[] = [];
        page.on('request', (request) => {
          const url = request.url();
          if (url.startsWith('http') && !url.startsWith(`${proxy.url}/`)) {
            outside.push(url);
          }
        });
        await page.reload();
        await framesDecoded(page, FRAMES);
        expect(outside).toEqual([]);
      },
    );
  });
}
