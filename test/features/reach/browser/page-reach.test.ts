import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ReachState } from '../../../../agent/features/reach/routes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';

const TEST: NonNullable<ReachState['test']> = {
  time: '2026-11-28T18:00:00Z',
  router: '192.168.1.1',
  own: '192.168.1.9',
  protocols: ['pcp', 'upnp'],
  outside: '100.64.3.4',
  verdict: 'carrier',
  ipv6: ['2a01:4880:770::2'],
  ipv6Firewall: 'on',
  forwarded: [{ transport: 'tcp', port: 8_080, outsidePort: 80, description: 'web', key: 'address' }],
};
const NO_PHONES: ReachState['wireguard'] = {
  supported: true,
  missing: [],
  isOn: false,
  port: null,
  address: null,
  endpoint: null,
  phones: [],
};
const OFF: ReachState = {
  ...{ isOn: false, obstacle: null, httpsPort: 8_443, url: null, urlIpv6: null, mappings: [], test: null },
  wireguard: NO_PHONES,
};
const OPEN = { state: 'open', outsidePort: 8_443, until: '2026-11-28T19:00:00Z' } as const;
const MAPPING = { name: 'https', transport: 'tcp', port: 8_443, error: null, why: null } as const;

describeWith(['chromium'], 'away from home on the page', () => {
  let viewer: Viewer;
  let box: Awaited<ReturnType<typeof startPageHarness>>;
  beforeAll(async () => {
    [viewer, box] = await Promise.all([startViewer(), startPageHarness()]);
    await box.claim();
  }, 60_000);
  afterAll(async () => {
    await viewer[Symbol.asyncDispose]();
    await box[Symbol.asyncDispose]();
  });

  test.for(sizesInTurn())(
    'on a %s the owner tests, reads the risk, opens the port and closes it, lets a phone in and revokes it',
    { timeout: 120_000 },
    async (size) => {
      await using owner = await visit(viewer.browser, box, { size });
      const { page, complaints } = owner;
      // The answers of a router, because this machine has none.
      let state = OFF;
      await page.route('**/v3/reach', (route) => route.fulfill({ json: state }));
      await page.route('**/v3/reach/test', (route) => {
        state = { ...state, test: TEST };
        return route.fulfill({ json: state });
      });
      const changes: object[] = [];
      await page.route('**/v3/config/global/patch', (route) => {
        changes.push(route.request().postDataJSON());
        return route.fulfill({ json: {} });
      });
      await owner.logIn('#/settings/system');
      await page.getByRole('link', { name: /^Away from home/ }).click();
      await settled(page, '.reach .switch');
      await page.getByRole('button', { name: 'Test' }).click();
      await page.getByText(/Your provider shares one address/).waitFor();
      await page.getByText(/2a01:4880:770::2 · The firewall of the router lets nothing in/).waitFor();
      await page.getByText(/TCP 80 to 8080 · web · not encrypted/).waitFor();
      expect(await axeFindings(page)).toEqual([]);

      await page.getByRole('switch', { name: /Open the https port/ }).click();
      await page.getByText('Then everyone on the internet finds the login page.').waitFor();
      expect(changes).toEqual([]);
      const url = 'https://93.184.216.7:8443';
      state = {
        ...state,
        ...{ isOn: true, url, urlIpv6: 'https://[2a01:4880:770::2]:8443' },
        mappings: [
          { ...MAPPING, ...OPEN },
          { ...MAPPING, ...OPEN, name: 'httpsIpv6' },
        ],
      };
      await page.getByRole('button', { name: 'Open the port' }).click();
      await page.getByText(url).waitFor();
      await page.getByText('Port 8443 by IPv6').waitFor();
      await page.getByText('https://[2a01:4880:770::2]:8443').waitFor();
      expect(await axeFindings(page)).toEqual([]);
      const refused = { ...MAPPING, state: 'failed', outsidePort: null, until: null, why: 'refused' } as const;
      state = { ...state, url: null, urlIpv6: null, mappings: [refused] };
      await page.getByText('Not open. The router refuses.').waitFor();
      state = OFF;
      await page.getByRole('switch', { name: /Open the https port/ }).click();
      await page.getByText('Not open.').waitFor({ state: 'hidden' });
      expect(changes).toEqual([{ portMapping: true }, { portMapping: false }]);

      const phone = { key: 'k'.repeat(43), name: 'Ann', address: '10.84.84.2', seen: null };
      await page.route('**/v3/reach/wireguard', (route) => {
        const wireguard = { ...NO_PHONES, isOn: true, port: 51_820, address: '10.84.84.1' };
        state = { ...OFF, wireguard };
        return route.fulfill({ json: state });
      });
      const asked: object[] = [];
      await page.route('**/v3/reach/phones', (route) => {
        asked.push(route.request().postDataJSON());
        state = { ...state, wireguard: { ...state.wireguard, phones: [phone] } };
        return route.fulfill({ json: { configuration: '[Interface]\nPrivateKey = x\n' } });
      });
      await page.route('**/v3/reach/phones/revoke', (route) => {
        state = { ...state, wireguard: { ...state.wireguard, phones: [] } };
        return route.fulfill({ json: state });
      });
      await page.getByRole('switch', { name: /WireGuard for phones/ }).click();
      await page.getByText('https://10.84.84.1:8443').waitFor();
      await page.getByRole('button', { name: 'Add a phone' }).click();
      await page.getByLabel('Name of the phone').fill('Ann');
      await page.getByRole('button', { name: 'Show the QR code' }).click();
      await page.getByText('Needed: the router does not say its address.').first().waitFor();
      expect(asked).toEqual([]);
      await page.getByLabel('Address of your home on the internet').fill('home.example');
      await page.getByRole('button', { name: 'Show the QR code' }).click();
      await page.getByRole('img', { name: 'QR code for the WireGuard app' }).waitFor();
      expect(asked).toEqual([{ name: 'Ann', endpoint: 'home.example' }]);
      expect(await axeFindings(page)).toEqual([]);
      await page.keyboard.press('Escape');
      await page.getByText('10.84.84.2 · not seen yet').waitFor();
      await page.getByRole('button', { name: 'Revoke' }).click();
      await page.getByText('Ann no longer gets in.').waitFor();
      await page.getByText('10.84.84.2').waitFor({ state: 'hidden' });
      expect(complaints).toEqual([]);
    },
  );
});
