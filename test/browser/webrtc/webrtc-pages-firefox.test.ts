// @also without-ffi in long

import type { Page } from 'puppeteer-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Agent, mediaEverywhere, startAgent } from '../../peers/agent/agent.ts';
import { type Firefox, startFirefox } from '../../peers/browser/firefox.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const SOON = { timeout: 20_000 };

const message = (page: Page) => page.$eval('#message', (element) => element.textContent);
/** Headless Firefox counts no pictures of a live stream as shown, so its receiver's decoded pictures count. */
const frames = async (page: Page) =>
  (await page.evaluate(`(async () => {
    const stats = reader.pc ? [...(await reader.pc.getStats()).values()] : [];
    return stats.find(({ type, kind }) => type === 'inbound-rtp' && kind === 'video')?.framesDecoded ?? 0;
  })()`)) as number;

describeWith(['firefox'], 'the WebRTC pages in Firefox', () => {
  let agent: Agent;
  let firefox: Firefox;
  let url = '';

  beforeAll(async () => {
    const config = 'api: yes\npaths:\n  all_others:\n';
    const devices = { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true };
    [agent, firefox] = await Promise.all([startAgent({ config, listen: mediaEverywhere }), startFirefox(devices)]);
    url = `http://127.0.0.1:${agent.ports.webrtc}`;
  });
  afterAll(async () => {
    await firefox?.[Symbol.asyncDispose]();
    await agent?.[Symbol.asyncDispose]();
  });

  const sessions = async (): Promise<readonly string[]> => {
    const response = await fetch(`http://127.0.0.1:${agent.ports.api}/v3/webrtcsessions/list`);
    const { items } = (await response.json()) as { items: { state: string }[] };
    return items.map(({ state }) => state);
  };

  test('one page publishes, another plays through a change of network, and both end their sessions', async () => {
    const publisher = await firefox.open(`${url}/cam/publish?video-width=320&video-height=240`);
    await expect.poll(() => publisher.$$eval('#video-device option', (all) => all.length), SOON).toBeGreaterThan(1);
    await publisher.click('#publish');
    await expect.poll(() => message(publisher), SOON).toBe('Publishing.');

    const viewer = await firefox.open(`${url}/cam/`);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(10);
    const patched: number[] = [];
    viewer.on('response', (response) => {
      if (response.request().method() === 'PATCH') {
        patched.push(response.status());
      }
    });
    await viewer.evaluate(() => dispatchEvent(new Event('online')));
    await expect.poll(() => patched, SOON).toContain(200);
    const seen = await frames(viewer);
    await expect.poll(() => frames(viewer), SOON).toBeGreaterThan(seen + 40);
    expect(await message(viewer)).toBe('');
    expect(await sessions()).toEqual(['publish', 'read']);

    await publisher.bringToFront();
    await publisher.click('#stop');
    await viewer.bringToFront();
    await expect.poll(() => message(viewer), SOON).toContain("no stream is available on path 'cam'");
    expect(await sessions()).toEqual([]);
    await viewer.close();
    await publisher.close();
  });
});
