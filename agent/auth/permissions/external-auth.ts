import type { Clock } from '../../base/clock.ts';
import { explain, PerchError } from '../../base/errors.ts';
import { Gate } from '../../base/gate.ts';
import type { PermissionRule } from '../../config/schema/general.ts';
import { excludedWords, type MachineRequest, type Machines, tokenOf, type Verdict } from './api-auth.ts';
import { askServer } from './auth-http-request.ts';
import { Permissions } from './permissions.ts';

export interface AskedServerSettings {
  readonly address: string;
  readonly fingerprint: string;
  /** What anybody may do: nobody is asked. */
  readonly exclude: readonly PermissionRule[];
  readonly timeoutMs: number;
}

/** Questions are answered at once by the servers that are meant here; more of them than this wait, and beyond that are refused. */
const AT_ONCE = 16;
const WAITING_LIMIT = 64;
const ANSWER_LIMIT_BYTES = 4096;
const SHOWN_CHARACTERS = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: another server's text goes to terminals
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/** `authMethod: http`: another server decides on each request. Nothing is remembered. */
export class AskedServer implements Machines {
  readonly #settings: AskedServerSettings;
  readonly #exclude: Permissions;
  readonly #clock: Clock;
  readonly #gate = new Gate(AT_ONCE, WAITING_LIMIT, 'log-ins');

  constructor(settings: AskedServerSettings, clock: Clock) {
    this.#settings = settings;
    this.#exclude = new Permissions(settings.exclude, 'authHTTPExclude');
    this.#clock = clock;
  }

  get isOpen(): boolean {
    return this.#exclude.has('read');
  }

  get warnings(): readonly string[] {
    return this.#exclude.problems;
  }

  get anonymous(): string | undefined {
    return this.#settings.exclude.length > 0 ? 'authHTTPExclude' : undefined;
  }

  async decide(request: MachineRequest, allowsAnonymous: boolean): Promise<Verdict> {
    if (allowsAnonymous && this.#exclude.allows(request.action, request.path)) {
      return { allowed: true, reason: 'authHTTPExclude' };
    }
    const { token, isFromQuery } = tokenOf(request, request.protocol === 'rtsp');
    if (!allowsAnonymous && request.user === '' && token === '') {
      return { allowed: false, reason: 'no name and password' };
    }
    try {
      const { status, text } = await this.#gate.run(() => this.#ask(bodyOf(request, token)));
      const isAllowed = status >= 200 && status <= 299;
      const said = withoutSecrets(text, [request.query, request.password, token]).replace(CONTROL, ' ').trim();
      return isAllowed
        ? { allowed: true, reason: `authHTTPAddress answered ${status}` }
        : {
            allowed: false,
            reason: `authHTTPAddress answered ${status}: ${said.slice(0, SHOWN_CHARACTERS)}`,
            isGuess: isFromQuery,
          };
    } catch (error) {
      if (!(error instanceof PerchError) || error.code === 'exhausted') {
        throw error;
      }
      return { allowed: false, reason: `authHTTPAddress: ${explain(error)}`, isGuess: isFromQuery };
    }
  }

  async explain(request: MachineRequest, allowsAnonymous: boolean) {
    const { action, path } = request;
    const excluded = this.#exclude.allows(action, path);
    const steps = [`authHTTPExclude (${this.#exclude.words}): ${excludedWords(excluded, allowsAnonymous)}`];
    if (excluded && allowsAnonymous) {
      return { allowed: true, steps };
    }
    const shown = JSON.stringify({
      ...request,
      proves: undefined,
      isIpKnown: undefined,
      password: '***',
      token: '***',
    });
    return {
      allowed: undefined,
      steps: [...steps, `authHTTPAddress decides: it would be asked by POST with ${shown}; 2xx lets in`],
    };
  }

  #ask(body: string) {
    const { address: url, fingerprint, timeoutMs } = this.#settings;
    return askServer({ url, body, fingerprint, timeoutMs, limitBytes: ANSWER_LIMIT_BYTES, clock: this.#clock });
  }
}

function bodyOf(request: MachineRequest, token: string): string {
  const { ip, user, password, action, path, protocol, id, query, userAgent } = request;
  return JSON.stringify({ ip, user, password, token, action, path, protocol, id, query, userAgent });
}

/** Some servers say what they were asked, as it is or as JSON: a query may hold tokens. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter((secret) => secret !== '').flatMap((one) => [one, JSON.stringify(one).slice(1, -1)]);
  return forms.reduce((shown, form) => shown.replaceAll(form, '***'), text);
}
