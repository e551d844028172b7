import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { OWNER_PASSWORD, type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { layoutFaults } from '../../../peers/browser/page-layout.ts';
import { axeFindings, onlyBy, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { CHROMIUM, describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';
import { openHttpSink } from '../../../support/servers/http-sink.ts';
import { pushBrowser } from '../support/push-service.ts';

interface Item {
  readonly id: string;
  readonly endpoint: string;
  readonly rules: readonly { readonly cameras: unknown; readonly kinds: readonly string[]; readonly hours?: object }[];
  readonly snoozedUntil: string | null;
}

/** The address of no push service: the box must not send there. */
const ENDPOINT = 'https://127.0.0.1/push';

describeWith(['chromium'], 'notifications', () => {
  let viewer: Viewer;
  let box: PageHarness;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(CHROMIUM), startPageHarness({ cameras: [{}] })]);
    await box.claim();
    await box.adopt();
    await box.api('PATCH', 'config/global/patch', { timetableZone: 'America/Los_Angeles' });
  });
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  const until = (check: () => Promise<void>) => vi.waitFor(check, { timeout: 20_000, interval: 100 });
  const items = async () => (await box.api<{ items: Item[] }>('GET', 'notifications')).items;

  /** A browser without its maker's account: its own part of the registration is answered here. */
  async function withPushService(page: Page): Promise<void> {
    await page.context().grantPermissions(['notifications']);
    const { keys } = pushBrowser();
    await page.addInitScript(
      ({ endpoint, keys }) => {
        let isOn = false;
        const subscription = { endpoint, toJSON: () => ({ keys }), unsubscribe: async () => (isOn = false) };
        Object.assign(PushManager.prototype, {
          getSubscription: async () => (isOn ? subscription : null),
          subscribe: async () => {
            isOn = true;
            return subscription;
          },
        });
      },
      { endpoint: ENDPOINT, keys },
    );
  }

  onlyBy('localhost', () =>
    test.for(sizesInTurn())('on a %s they are switched on, chosen, paused, tried and switched off', async (size) => {
      await using visitor = await visit(viewer.browser, box, { size, openBy: 'localhost' });
      const { page, complaints } = visitor;
      await withPushService(page);
      await visitor.logIn('#/events');
      await page.reload();
      await settled(page, '.events-page');
      await page.getByRole('button', { name: 'Notify me' }).click();
      await settled(page, '.sheet .card');
      expect(await page.locator('.sheet').textContent()).toContain('through Google. They are encrypted');
      const [row, sheet] = await Promise.all(
        ['.sheet .switch', '.sheet-content'].map((one) => page.locator(one).first().boundingBox()),
      );
      expect(row?.width).toBeGreaterThan((sheet?.width ?? 0) - 20);
      expect(await page.locator('.sheet .card:empty:visible').count()).toBe(0);
      await page.getByRole('switch', { name: 'Notify this device' }).click();
      await until(async () => expect(await items()).toMatchObject([{ endpoint: ENDPOINT, snoozedUntil: null }]));
      expect((await items())[0]?.rules).toEqual([
        { cameras: 'all', kinds: ['person', 'vehicle', 'doorbell', 'offline', 'disk', 'hardware'] },
      ]);
      await page.getByRole('button', { name: 'Motion' }).click();
      await page.getByText('By the clock of America/Los_Angeles.').waitFor();
      await page.getByRole('switch', { name: 'Only at certain times' }).click();
      await page.getByLabel('From').fill('21:30');
      await page.getByLabel('From').blur();
      await until(async () =>
        expect((await items())[0]?.rules[0]).toMatchObject({
          kinds: expect.arrayContaining(['motion']),
          hours: { from: '21:30', to: '06:00' },
        }),
      );
      await page.getByLabel('From').fill('25:00');
      await page.getByRole('button', { name: 'Motion' }).click();
      await page.getByText('Not saved. Enter a time.').waitFor();
      await page.getByText('Enter a time.', { exact: true }).waitFor();
      expect((await items())[0]?.rules[0]).toMatchObject({ kinds: expect.arrayContaining(['motion']) });
      await page.getByLabel('From').fill('21:45');
      await page.getByLabel('From').blur();
      await until(async () =>
        expect((await items())[0]?.rules[0]).toEqual(
          expect.objectContaining({
            kinds: expect.not.arrayContaining(['motion']),
            hours: { from: '21:45', to: '06:00' },
          }),
        ),
      );
      await page.getByRole('button', { name: 'Pause for an hour' }).click();
      await page.getByText(/^Paused until /).waitFor();
      await page.getByRole('button', { name: 'Resume' }).click();
      await until(async () => expect((await items())[0]?.snoozedUntil).toBeNull());
      await page.getByRole('button', { name: 'Send a test' }).click();
      await page.getByText('Not sent: 127.0.0.1 has the address 127.0.0.1, which is not on the internet.').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('switch', { name: 'Notify this device' }).click();
      await until(async () => expect(await items()).toEqual([]));
      expect(complaints).toEqual([]);
    }),
  );

  onlyBy('localhost', () =>
    test('a message is shown with the link to its moment', async () => {
      await using visitor = await visit(viewer.browser, box, { size: 'phone', openBy: 'localhost' });
      const { page } = visitor;
      await page.context().grantPermissions(['notifications']);
      await visitor.logIn();
      const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
      const cdp = await page.context().newCDPSession(page);
      const registered = new Promise<string>((resolve) =>
        cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
          const own = registrations.find(({ scopeURL }) => scopeURL === scope);
          if (own) {
            resolve(own.registrationId);
          }
        }),
      );
      await cdp.send('ServiceWorker.enable');
      const link = '#/rec/door?t=2026-11-23T18:00:05.250Z';
      const message = {
        id: 'e1',
        path: 'door',
        kind: 'person',
        at: Date.UTC(2026, 10, 23),
        title: 'Door',
        body: 'Person',
      };
      await cdp.send('ServiceWorker.deliverPushMessage', {
        ...{ origin: new URL(scope).origin, registrationId: await registered },
        data: JSON.stringify({ ...message, link, picture: '/9j/' }),
      });
      const shown = () =>
        page.evaluate(async () =>
          (await (await navigator.serviceWorker.ready).getNotifications()).map(({ title, body, tag, data }) => ({
            ...{ title, body, tag, data },
          })),
        );
      await until(async () =>
        expect(await shown()).toMatchObject([{ title: 'Door', body: 'Person', tag: 'e1 door', data: { link } }]),
      );
      await tapShown(page, scope);
      await page.waitForURL((url) => url.hash === link);
      await page.locator('nav a[href^="#/rec"][aria-current=page]').waitFor();
      await until(async () => expect(await shown()).toEqual([]));
    }),
  );

  /** A tap as Chromium lets a test make it: the event is the test's, so that the worker's own work is awaited here. */
  async function tapShown(page: Page, scope: string): Promise<void> {
    const worker = page
      .context()
      .serviceWorkers()
      .find((one) => one.url().startsWith(scope));
    await worker?.evaluate(async () => {
      const scope = globalThis as unknown as {
        readonly registration: ServiceWorkerRegistration;
        dispatchEvent(event: Event): boolean;
      };
      const [notification] = await scope.registration.getNotifications();
      let work: Promise<unknown> | undefined;
      const event = Object.assign(new Event('notificationclick'), {
        notification,
        waitUntil: (promise: Promise<unknown>) => {
          work = promise;
        },
      });
      scope.dispatchEvent(event);
      await work;
    });
    expect(worker).toBeDefined();
  }

  onlyBy('localhost', () =>
    test('several rules are added and removed, and a web hook is added, tried and removed', async () => {
      await using sink = await openHttpSink();
      await using visitor = await visit(viewer.browser, box, { size: 'phone', openBy: 'localhost' });
      const { page, complaints } = visitor;
      await withPushService(page);
      await visitor.logIn('#/events');
      await page.reload();
      await settled(page, '.events-page');
      await page.getByRole('button', { name: 'Notify me' }).click();
      await settled(page, '.sheet .card');
      await page.getByRole('switch', { name: 'Notify this device' }).click();
      await page.getByRole('button', { name: 'Add a rule' }).click();
      await until(async () => expect((await items())[0]?.rules).toHaveLength(2));
      await page.getByRole('button', { name: 'Motion' }).nth(1).click();
      await until(async () => expect((await items())[0]?.rules[1]?.kinds).toContain('motion'));
      await page.getByRole('button', { name: 'Remove Rule 1' }).click();
      await until(async () =>
        expect((await items())[0]?.rules).toMatchObject([{ kinds: expect.arrayContaining(['motion']) }]),
      );
      await page.getByRole('combobox', { name: 'Add' }).selectOption('Web hook');
      await page.getByLabel('URL').waitFor();
      expect(await layoutFaults(page)).toEqual([]);
      await page.getByLabel('URL').fill(`${sink.url}/hook`);
      await page.getByLabel('{secret}', { exact: true }).fill('a-token');
      await page.getByLabel('Headers').fill('X-Key: {secret}');
      expect(await axeFindings(page)).toEqual([]);
      // The first rule of a new channel.
      const kinds = ['Person', 'Vehicle', 'Doorbell', 'Camera offline', 'Storage problems', 'Power, heat and drives'];
      for (const name of kinds) {
        await page.getByRole('button', { name, exact: true }).click();
      }
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('status').filter({ hasText: 'Choose at least one event and one camera.' }).waitFor();
      const channels = async () => (await box.api<{ items: Item[] }>('GET', 'notifications/channels')).items;
      expect(await channels()).toEqual([]);
      await page.getByRole('button', { name: 'Motion', exact: true }).click();
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByRole('button', { name: 'Send a test' }).waitFor();
      expect(await channels()).toMatchObject([{ rules: [{ cameras: 'all', kinds: ['motion'] }] }]);
      await page.getByRole('button', { name: 'Send a test' }).click();
      await page.getByText('Sent. It should appear in a moment.').waitFor();
      expect(sink.requests).toMatchObject([{ target: '/hook', headers: { 'x-key': 'a-token' } }]);
      expect(JSON.parse(String(sink.requests[0]?.body))).toMatchObject({ text: 'This is a test.' });
      await page.getByLabel('URL').fill('http://127.0.0.1:1/hook');
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText(/a secret of another server/).waitFor();
      await page.getByRole('button', { name: 'Remove', exact: true }).click();
      await page.getByText('It gets no more notifications. Press again to remove.').waitFor();
      expect(await channels()).toHaveLength(1);
      await page.getByRole('button', { name: 'Remove', exact: true }).click();
      await settled(page, '.sheet .card');
      expect(await channels()).toEqual([]);
      // The rejected change.
      expect(complaints.filter((one) => !/\b400\b/.test(one))).toEqual([]);
    }),
  );

  test('on the Chinese page the reason of a failed test is marked as English', async () => {
    const settings = { kind: 'ntfy', url: 'http://127.0.0.1:1/garden', token: '' };
    const rules = [{ cameras: 'all', kinds: ['person'] }];
    const channel = { name: 'Garden', language: 'zh-cn', page: 'https://perch.example.net/', rules, settings };
    const { id } = await box.api<Item>('POST', 'notifications/channels', channel);
    await using visitor = await visit(viewer.browser, box, { size: 'desktop', locale: 'zh-CN' });
    const { page } = visitor;
    await visitor.logIn('#/events');
    await settled(page, '.events-page');
    await page.getByRole('button', { name: /^通知/ }).click();
    await page.getByRole('button', { name: /^Garden/ }).click();
    await page.getByRole('button', { name: '发送测试' }).click();
    const status = page.getByRole('status').filter({ hasText: '未发送：' });
    expect(await status.locator('[lang=en]').textContent()).toBe('nothing answers at 127.0.0.1:1');
    await box.api('DELETE', `notifications/channels/${id}`, {});
  });

  test('another device of the person is removed, and the page says which', async () => {
    const rules = [{ cameras: 'all', kinds: ['person'] }];
    const { keys } = pushBrowser();
    await box.api('POST', 'notifications', { endpoint: 'https://127.0.0.2/push', ...keys, language: 'en', rules });
    await using visitor = await visit(viewer.browser, box, { size: 'phone' });
    const { page } = visitor;
    await visitor.logIn('#/events');
    await settled(page, '.events-page');
    await page.getByRole('button', { name: 'Notify me' }).click();
    const before = await items();
    await page.getByRole('button', { name: 'Remove node' }).click();
    await page.getByRole('status').filter({ hasText: 'no longer gets notifications.' }).waitFor();
    await until(async () => expect(await items()).toHaveLength(before.length - 1));
  });

  onlyBy('plain', () =>
    test('without https the page leads to the steps', async () => {
      await using visitor = await visit(viewer.browser, box, { size: 'phone', openBy: 'plain' });
      const { page } = visitor;
      await visitor.logIn('#/events');
      await settled(page, '.events-page');
      await page.getByRole('button', { name: 'Notify me' }).click();
      await page.getByText('Notifications in this browser need https.').waitFor();
      await page.keyboard.press('Escape');
      await page.goto(page.url().replace('#/events', '#/settings/notifications'));
      await page.getByRole('link', { name: 'Notifications' }).waitFor();
      await page.locator('.notifications').getByText('Notifications in this browser need https.').waitFor();
      expect(await page.getByRole('link', { name: 'Open the steps' }).getAttribute('href')).toBe('trust');
      // As wide as its text, as the button above it.
      const add = await page.locator('.notifications .choice').boundingBox();
      expect(add?.width).toBeLessThan(160);
      expect(await page.locator('.notifications .card:empty').count()).toBe(0);
    }),
  );

  test('a browser that does not trust the certificate, but whose user went on, leads to the steps', async () => {
    const tlsPort = await freePort();
    await using secured = await startPageHarness({ tlsAddress: `:${tlsPort}` });
    await secured.claim();
    await using context = await viewer.browser.newContext({ ignoreHTTPSErrors: true, locale: 'en-GB' });
    await context.grantPermissions(['notifications']);
    const url = `https://localhost:${tlsPort}`;
    const headers = { 'Sec-Fetch-Site': 'same-origin' };
    await context.request.post(`${url}/v3/session`, { data: { password: OWNER_PASSWORD }, headers });
    const page = await context.newPage();
    await page.goto(`${url}/#/settings/notifications`);
    await page.getByRole('switch', { name: 'Notify this device' }).click();
    await page.getByText('This browser does not trust the certificate of the box yet').waitFor();
    expect(await page.getByRole('link', { name: 'Open the steps' }).getAttribute('href')).toBe('trust');
    expect(await axeFindings(page)).toEqual([]);
  });
});
