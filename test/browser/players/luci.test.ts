import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { addLuciPage } from '../../../packaging/openwrt.ts';
import { Tree } from '../../../packaging/tree.ts';
import { startViewer } from '../../peers/browser/browser.ts';
import { describeWith } from '../../peers/programs/peers.ts';

const VIEW = 'www/luci-static/resources/view/perch.js';
const REQUIRE = /^'require (\w+)';$/gm;

/** What LuCI's loader and its modules do with a view, as far as the page uses them (openwrt/luci, modules/luci-base). */
const LUCI = `
  window._ = (text) => text;
  window.E = (tag, attributes, children) => {
    const element = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    element.append(...[children].flat());
    return element;
  };
  window.answers = [];
  window.asked = [];
  window.port = null;
  window.polls = [];
  const modules = {
    view: { extend: (members) => members },
    fs: {
      exec: async (...call) => {
        window.asked.push(JSON.stringify(call));
        const answer = window.answers.shift();
        if (answer === undefined) throw new Error('Access denied');
        return { code: 0, stdout: answer };
      },
    },
    uci: { load: async () => {}, get: () => window.port },
    poll: { add: (work) => window.polls.push(work) },
  };
  window.show = async (source, names) => {
    const make = eval('(function(window, document, L, ' + names.join(', ') + ') { ' + source + ' })');
    const view = make(window, document, {}, ...names.map((name) => modules[name]));
    document.body.replaceChildren(view.render(await view.load()));
  };`;

describeWith(['chromium'], "LuCI's page of Perch in Chromium, with stand-ins for LuCI's modules", () => {
  test('shows the state and the log, follows them, and links to Perch', async () => {
    const tree = await addLuciPage(new Tree(), '');
    const folder = mkdtempSync(join(tmpdir(), 'perch-luci-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    tree.write(folder, 1_700_000_000);
    const source = readFileSync(join(folder, VIEW), 'utf8');
    const names = [...source.matchAll(REQUIRE)].map(([, name = '']) => name);
    await using viewer = await startViewer();
    const page = await viewer.browser.newPage();
    await page.route('http://router.lan/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }),
    );
    await page.goto('http://router.lan/cgi-bin/luci/admin/services/perch');
    await page.evaluate(LUCI);
    const show = (answers: readonly string[], port: string | null) =>
      page.evaluate(
        ([code, parts, given, at]) => {
          Object.assign(window, { answers: [...given], port: at });
          return (window as unknown as { show(code: string, parts: readonly string[]): Promise<void> }).show(
            code,
            parts,
          );
        },
        [source, names, answers, port] as const,
      );
    await show(['Perch is running\nline one\nline two\n'], '8443');
    expect(await page.locator('#perch-state').textContent()).toBe('Perch is running');
    expect(await page.locator('#perch-log').textContent()).toBe('line one\nline two');
    expect(await page.getByRole('link', { name: 'Open Perch' }).getAttribute('href')).toBe('http://router.lan:8443/');
    expect(await page.evaluate('asked')).toEqual(['["/usr/bin/perch",["status"]]']);
    await page.evaluate("answers.push('Perch is not running'); polls[0]()");
    await page.getByText('Perch is not running').waitFor();

    await show(['Perch is running\n… Perch is at http://192.168.1.1:9000/\n'], null);
    expect(await page.getByRole('link').getAttribute('href')).toBe('http://router.lan:9000/');
    const starts = ['Perch is at http://192.168.1.1:8999/', 'Perch is at http://[fd00::1]:9000/'];
    await show([`Perch is running\n… ${starts.join('\n… ')}\n`], null);
    expect(await page.getByRole('link').getAttribute('href')).toBe('http://router.lan:9000/');
    await show([], '8080');
    expect(await page.locator('#perch-state').textContent()).toContain('Access denied');
  });
});
