import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BoxAnswer } from '../../../../agent/features/boxes/routes.ts';
import { startViewer, type Viewer } from '../../../peers/browser/browser.ts';
import { type PageHarness, startPageHarness } from '../../../peers/browser/page-harness.ts';
import { axeFindings, settled, sizesInTurn, visit } from '../../../peers/browser/page-visit.ts';
import { describeWith } from '../../../peers/programs/peers.ts';
import { freePort } from '../../../support/base/free-port.ts';

const CAMERAS = 'paths:\n  gate:\n    camera: { name: Gate }\n  stable:\n    camera: { name: Stable }\n';

describeWith(['chromium'], 'a box that connects by itself, on the pages of both sides', () => {
  let viewer: Viewer;
  let server: PageHarness;
  let box: PageHarness;

  beforeAll(async () => {
    [viewer, server, box] = await Promise.all([
      startViewer(),
      startPageHarness({ tlsAddress: `127.0.0.1:${await freePort()}` }),
      startPageHarness({ config: CAMERAS }),
    ]);
    await server.claim();
    await box.claim();
  });
  afterAll(async () => {
    await viewer?.[Symbol.asyncDispose]();
    await box?.[Symbol.asyncDispose]();
    await server?.[Symbol.asyncDispose]();
  });

  /** Those of another try. */
  async function forgetPairings(): Promise<void> {
    const lists = [
      [server, 'boxes'],
      [box, 'pairedservers'],
    ] as const;
    for (const [side, list] of lists) {
      const { items } = await side.api<{ readonly items: readonly { readonly id: string }[] }>('GET', `${list}/list`);
      await Promise.all(items.map(({ id }) => side.api('DELETE', `${list}/${id}`)));
    }
  }

  test.for(sizesInTurn())(
    'on a %s, the server invites it, and its owner chooses what the server shows',
    async (size) => {
      await forgetPairings();
      await using host = await visit(viewer.browser, server, { size });
      await host.logIn('#/settings/cameras');
      await host.page.getByRole('link', { name: /^Boxes that connect by themselves/ }).click();
      await settled(host.page, '.calling-boxes .button');
      await host.page.getByText('No box connects to this server.').waitFor();
      await host.page.getByRole('button', { name: 'Invite a box' }).click();
      await host.page.getByLabel('Address of this server').fill('no address');
      await host.page.getByRole('button', { name: 'Create invitation' }).click();
      await host.page.getByText(/^This is not a name or an IP address/).waitFor();
      await host.page.getByLabel('Address of this server').fill('');
      await host.page.getByRole('button', { name: 'Create invitation' }).click();
      const invitation = host.page.locator('.sheet input[readonly]');
      // The field of the address is read-only while the server makes the invitation.
      await expect.poll(() => invitation.inputValue()).toMatch(/^perch:\/\/server\?at=127\.0\.0\.1/);
      const text = await invitation.inputValue();
      await host.page.locator('.qr-code path[d^=M]').waitFor();
      await settled(host.page, '.sheet');
      expect(await axeFindings(host.page)).toEqual([]);

      await using owner = await visit(viewer.browser, box, { size });
      const { page } = owner;
      await owner.logIn('#/settings/people');
      await page.getByRole('link', { name: /^Connect to a server/ }).click();
      await settled(page, '.called-servers .button');
      await page.getByText('This box connects to no server.').waitFor();
      await page.getByRole('button', { name: 'Connect to a server' }).click();
      await page.getByLabel('Invitation').fill('perch://invitation?at=a');
      await page.getByRole('button', { name: 'Connect', exact: true }).click();
      await page.getByText('This is not an invitation of a server. Copy all of it.').waitFor();
      await page.getByLabel('Invitation').fill(text);
      await page.getByRole('button', { name: 'Gate' }).click();
      expect(await axeFindings(page)).toEqual([]);
      await page.getByRole('button', { name: 'Connect', exact: true }).click();
      await page.getByText(/^This box is connected to /).waitFor();
      const row = page.locator('.called-servers .row');
      await row.waitFor();
      expect(await row.textContent()).toMatch(/Connected since \d\d:\d\d · 127\.0\.0\.1:\d+/);

      await host.page.getByText(/ is connected\.$/).waitFor();
      await host.page.locator('.calling-boxes .row', { hasText: 'Connected since' }).waitFor();
      const { items } = await server.api<{ readonly items: readonly BoxAnswer[] }>('GET', 'boxes/list');
      expect(items).toMatchObject([{ linked: true, state: 'connected', cameras: [{ path: 'gate' }] }]);
      await host.page.locator('.calling-boxes .row').click();
      await host.page.locator('.other-boxes .row').click();
      await settled(host.page, '.sheet');
      expect(await host.page.getByLabel('Addresses').count()).toBe(0);
      await host.page.getByRole('button', { name: 'Remove box' }).click();
      await host.page.getByText(/Press again to remove/).waitFor();
      await host.page.getByRole('button', { name: 'Remove box' }).click();
      await page.getByText('This box connects to no server.').waitFor();
      expect([host.complaints, owner.complaints]).toEqual([[], []]);
    },
  );
});
