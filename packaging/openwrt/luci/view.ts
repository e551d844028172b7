/** The parts that the page uses of LuCI's client-side API (openwrt/luci, modules/luci-base). */
interface LuciParts {
  readonly view: { extend(members: object): unknown };
  readonly fs: { exec(command: string, parameters: readonly string[]): Promise<{ readonly stdout?: string }> };
  readonly uci: {
    load(config: string): Promise<unknown>;
    get(config: string, section: string, option: string): string | null | undefined;
  };
  readonly poll: { add(work: () => Promise<unknown>, seconds: number): unknown };
}
type Child = string | HTMLElement;
/** Globals of LuCI's pages: creates an element; translates. */
declare const E: (
  tag: string,
  attributes: Readonly<Record<string, string>>,
  children: Child | readonly Child[],
) => HTMLElement;
declare const _: (text: string) => string;

const POLL_SECONDS = 5;
/** Port in /etc/config/perch as it is installed. */
const DEFAULT_PORT = '8080';

/** LuCI's page of Perch: its state, the end of its log, and a link to its own page. */
export function perchView({ view, fs, uci, poll }: LuciParts): unknown {
  const status = (): Promise<string> =>
    fs.exec('/usr/bin/perch', ['status']).then(
      ({ stdout }) => stdout ?? '',
      (error: unknown) => String(error),
    );
  return view.extend({
    load: () => Promise.all([status(), uci.load('perch')]),
    render: ([first]: readonly [string]) => {
      const state = E('p', { id: 'perch-state' }, '');
      const log = E('pre', { id: 'perch-log' }, '');
      const show = (text: string): void => {
        const [line = '', ...rest] = text.trim().split('\n');
        state.textContent = line;
        log.textContent = rest.join('\n');
      };
      show(first);
      poll.add(() => status().then(show), POLL_SECONDS);
      // Without a port here that of /etc/perch/perch.yml applies, which Perch logs at each start.
      const logged = /.*Perch is at https?:\/\/\S*:(\d+)\//s.exec(first)?.[1];
      const port = uci.get('perch', 'main', 'port') || logged || DEFAULT_PORT;
      const { hostname } = window.location;
      const open = {
        class: 'btn cbi-button cbi-button-action',
        href: `http://${hostname}:${port}/`,
        target: '_blank',
        rel: 'noopener',
      };
      return E('div', {}, [
        E('h2', {}, 'Perch'),
        state,
        E('p', {}, E('a', open, _('Open Perch'))),
        E('p', {}, _('Cameras, recordings and all other settings are on its own page.')),
        log,
      ]);
    },
    handleSaveApply: null,
    handleSave: null,
    handleReset: null,
  });
}
