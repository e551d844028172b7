import type { BrowserContext, Worker } from 'playwright-core';
import { expect, test, vi } from 'vitest';
import { startViewer } from '../../../peers/browser/browser.ts';
import { startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, onlyBy, settled, visit } from '../../../peers/browser/page-visit.ts';
import { CHROMIUM, describeWith } from '../../../peers/programs/peers.ts';
import { featuresWith } from '../support/features-with.ts';
import { openPushService } from '../support/push-service.ts';

interface Item {
  readonly buttons: readonly string[];
  readonly quiet: readonly { readonly path: string; readonly until: string }[];
}

const RULES = [{ cameras: 'all', kinds: ['person', 'vehicle'] }];
const until = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 20_000, interval: 100 });

/** Delivers messages of the push service to the worker of this scope, without a page of the box. */
async function connectPush(context: BrowserContext, scope: string): Promise<(payload: object) => Promise<void>> {
  const cdp = await context.newCDPSession(await context.newPage());
  const registrationId = await new Promise<string>((resolve, reject) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const own = registrations.find(({ scopeURL }) => scopeURL === scope);
      if (own) {
        resolve(own.registrationId);
      }
    });
    cdp.send('ServiceWorker.enable').catch(reject);
  });
  const { origin } = new URL(scope);
  return async (payload) => {
    await cdp.send('ServiceWorker.deliverPushMessage', { origin, registrationId, data: JSON.stringify(payload) });
  };
}

/** What the notifications show. */
const shown = (worker: Worker) =>
  worker.evaluate(async () => {
    const { registration } = globalThis as unknown as { readonly registration: ServiceWorkerRegistration };
    const all = (await registration.getNotifications()) as (Notification & {
      readonly actions: readonly { readonly title: string }[];
    })[];
    return all.map(({ title, body, actions }) => ({ title, body, buttons: actions.map((one) => one.title) }));
  });

/** Presses a button of the only notification, as Chromium lets a test do it: the event is the test's, so the work is awaited here. */
const press = (worker: Worker, title: string) =>
  worker.evaluate(async (title) => {
    const scope = globalThis as unknown as {
      readonly registration: ServiceWorkerRegistration;
      dispatchEvent(event: Event): boolean;
    };
    const [notification] = (await scope.registration.getNotifications()) as (Notification & {
      readonly actions: readonly { readonly action: string; readonly title: string }[];
    })[];
    const action = notification?.actions.find((one) => one.title === title)?.action;
    let work: Promise<unknown> | undefined;
    const event = Object.assign(new Event('notificationclick'), {
      ...{ notification, action },
      waitUntil: (promise: Promise<unknown>) => {
        work = promise;
      },
    });
    scope.dispatchEvent(event);
    await work;
  }, title);

describeWith(['chromium'], 'buttons of notifications', () => {
  onlyBy('localhost', () =>
    test('with the page closed, Quiet pauses the camera, Undo ends that, and an old button says that it did nothing', async () => {
      await using service = await openPushService();
      await using viewer = await startViewer(CHROMIUM);
      await using box = await startPageHarness({
        cameras: [{}],
        features: featuresWith({ https: service.https }),
      });
      await box.claim();
      const [camera = ''] = await box.adopt();
      await using visitor = await visit(viewer.browser, box, { size: 'phone', openBy: 'localhost' });
      const { page, context } = visitor;
      await context.grantPermissions(['notifications']);
      await visitor.logIn();
      const scope = await page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
      const worker = context.serviceWorkers().find((one) => one.url().startsWith(scope));
      if (!worker) {
        throw new Error('the page has no service worker');
      }
      const subscription = { ...service.subscription, language: 'en', rules: RULES };
      await page.evaluate(async (body) => {
        const headers = { 'Content-Type': 'application/json' };
        await fetch('v3/notifications', { method: 'POST', headers, body: JSON.stringify(body) });
      }, subscription);
      const deliver = await connectPush(context, scope);
      await page.close();

      const report = (type: string) => box.api('POST', 'events', { path: camera, type });
      const items = async () => (await box.api<{ items: Item[] }>('GET', 'notifications')).items;
      await report('person');
      await until(() => expect(service.messages).toHaveLength(1));
      const message = service.messages[0]?.payload ?? {};
      await deliver(message);
      const title = String(message['title']);
      const buttons = ['Quiet for an hour'];
      await until(async () => expect(await shown(worker)).toEqual([{ title, body: 'Person', buttons }]));

      await press(worker, 'Quiet for an hour');
      const body = expect.stringMatching(/^Quiet until \d{1,2}:\d\d/);
      expect(await shown(worker)).toEqual([{ title, body, buttons: ['Undo'] }]);
      expect(await items()).toMatchObject([{ quiet: [{ path: camera }] }]);
      await report('vehicle');

      await press(worker, 'Undo');
      expect(await shown(worker)).toEqual([{ title, body: 'Notifications resumed', buttons: [] }]);
      expect(await items()).toMatchObject([{ quiet: [] }]);
      // Nothing was sent while the camera was quiet.
      await box.api('POST', 'events', { path: camera, type: 'vehicle', id: 'later' });
      await until(() => expect(service.messages).toHaveLength(2));
      expect(service.messages[1]?.payload).toMatchObject({ id: 'later' });

      // The first message again: its token was used.
      await deliver(message);
      await until(async () => expect(await shown(worker)).toEqual([{ title, body: 'Person', buttons }]));
      await press(worker, 'Quiet for an hour');
      const failed = 'Not done: this button was used before, is too old, or is not for you any more.';
      expect(await shown(worker)).toEqual([{ title, body: failed, buttons: [] }]);
      expect(await items()).toMatchObject([{ quiet: [] }]);
    }),
  );

  onlyBy('localhost', () =>
    test('the settings of this device choose the buttons, and resume a camera', async () => {
      await using service = await openPushService();
      await using viewer = await startViewer(CHROMIUM);
      await using box = await startPageHarness({ cameras: [{}], features: featuresWith({ https: service.https }) });
      await box.claim();
      const [camera = ''] = await box.adopt();
      await using visitor = await visit(viewer.browser, box, { size: 'phone', openBy: 'localhost' });
      const { page, complaints } = visitor;
      await page.context().grantPermissions(['notifications']);
      const { endpoint, p256dh, auth } = service.subscription;
      await page.addInitScript(
        ({ endpoint, keys }) => {
          const subscription = { endpoint, toJSON: () => ({ keys }) };
          Object.assign(PushManager.prototype, { getSubscription: async () => subscription });
        },
        { endpoint, keys: { p256dh, auth } },
      );
      const { id } = await box.api<{ id: string }>('POST', 'notifications', {
        ...service.subscription,
        ...{ language: 'en', rules: RULES },
      });
      await box.api('PATCH', `notifications/${id}`, { quiet: { path: camera, minutes: 60 } });
      await visitor.logIn('#/events');
      await settled(page, '.events-page');
      await page.getByRole('button', { name: 'Notify me' }).click();
      await settled(page, '.sheet .card');
      const items = async () => (await box.api<{ items: Item[] }>('GET', 'notifications')).items;
      await page.getByRole('button', { name: 'Talk', exact: true, pressed: true }).click();
      await until(async () => expect(await items()).toMatchObject([{ buttons: ['quiet'] }]));
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('button', { name: /^Resume / }).click();
      await until(async () => expect(await items()).toMatchObject([{ quiet: [] }]));
      await page.getByRole('button', { name: /^Resume / }).waitFor({ state: 'detached' });
      expect(complaints).toEqual([]);
    }),
  );
});
