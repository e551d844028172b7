import type { Clock } from '../../base/clock.ts';
import { ConcurrencyLimit } from '../../base/concurrency-limit.ts';
import { explain, PerchError } from '../../base/errors.ts';
import type { PermissionRule } from '../../config/schema/common/general.ts';
import { type ApiAuth, type AuthRequest, excludedWords, tokenOf, type Verdict } from './api-auth.ts';
import { Permissions } from './permissions.ts';
import { requestServer } from './server-request.ts';

export interface ExternalAuthSettings {
  readonly address: string;
  readonly fingerprint: string;
  /** Permitted to anyone, without a request to the server. */
  readonly exclude: readonly PermissionRule[];
  readonly timeoutMs: number;
}

const SHOWN_CHARACTERS = 200;
// biome-ignore lint/suspicious/noControlCharactersInRegex: another server's text goes to terminals
const CONTROL = /[\u0000-\u001f\u007f-\u009f]+/g;

/** `authMethod: http`: another server decides each request. Nothing is cached. */
export class ExternalAuth implements ApiAuth {
  readonly #settings: ExternalAuthSettings;
  readonly #exclude: Permissions;
  readonly #clock: Clock;
  readonly #gate = new ConcurrencyLimit(16, 64, 'logins');

  constructor(settings: ExternalAuthSettings, clock: Clock) {
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

  async decide(request: AuthRequest, allowsAnonymous: boolean): Promise<Verdict> {
    if (allowsAnonymous && this.#exclude.allows(request.action, request.path)) {
      return { allowed: true, reason: 'authHTTPExclude' };
    }
    const { token, isFromQuery } = tokenOf(request, request.mayHaveQueryToken);
    if (!allowsAnonymous && request.user === '' && token === '') {
      return { allowed: false, reason: 'no name and password' };
    }
    try {
      const { status, text } = await this.#gate.run(() => this.#ask(bodyOf(request, token)));
      const isAllowed = status >= 200 && status <= 299;
      const message = withoutSecrets(text, [request.query, request.password, token]).replace(CONTROL, ' ').trim();
      return isAllowed
        ? { allowed: true, reason: `authHTTPAddress answered ${status}` }
        : {
            allowed: false,
            reason: `authHTTPAddress answered ${status}: ${message.slice(0, SHOWN_CHARACTERS)}`,
            isGuess: isFromQuery,
          };
    } catch (error) {
      if (!(error instanceof PerchError) || error.code === 'exhausted') {
        throw error;
      }
      return { allowed: false, reason: `authHTTPAddress: ${explain(error)}`, isGuess: isFromQuery };
    }
  }

  async explain(request: AuthRequest, allowsAnonymous: boolean) {
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
      steps: [...steps, `authHTTPAddress decides: POST with ${shown}; 2xx permits`],
    };
  }

  #ask(body: string) {
    const { address: url, fingerprint, timeoutMs } = this.#settings;
    return requestServer({ url, body, fingerprint, timeoutMs, limitBytes: 4096, clock: this.#clock });
  }
}

function bodyOf(request: AuthRequest, token: string): string {
  const { ip, user, password, action, path, protocol, id, query, userAgent } = request;
  return JSON.stringify({ ip, user, password, token, action, path, protocol, id, query, userAgent });
}

/** Removes secrets from a server's reply: some servers echo the request, verbatim or as JSON, and a query may contain tokens. */
function withoutSecrets(text: string, secrets: readonly string[]): string {
  const forms = secrets.filter((secret) => secret !== '').flatMap((one) => [one, JSON.stringify(one).slice(1, -1)]);
  return forms.reduce((shown, form) => shown.replaceAll(form, '***'), text);
}
