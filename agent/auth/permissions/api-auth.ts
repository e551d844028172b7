/** A request as `authMethod` sees it. */
export interface AuthRequest {
  readonly action: string;
  readonly path: string;
  /** Canonical. */
  readonly ip: string;
  /** False: a loopback address that may be a proxy's or a web page's, which matches no `ips` of the file. */
  readonly isIpKnown: boolean;
  readonly user: string;
  readonly password: string;
  /** Whether the HTTP Digest response was made with a given password. Sent instead of a password; only for plain passwords. */
  readonly proves?: ((password: string) => boolean) | undefined;
  /** A bearer token. */
  readonly token: string;
  /** Such as `rtsp`; empty: one that carries no live media. */
  readonly protocol: string;
  /** As in MediaMTX, URLs of protocols other than HTTP may contain a token. */
  readonly mayHaveQueryToken?: boolean;
  /** UUID of the session or connection; null if there is none yet. */
  readonly id: string | null;
  /** Query string as sent, without `?`. */
  readonly query: string;
  readonly userAgent: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** Reason for the log and `perch explain`. */
  readonly reason: string;
  /** Whether name and password are right, even if the permission is missing. */
  readonly isKnown?: boolean;
  /** Whether a token in the query was rejected, which counts as a wrong credential. */
  readonly isGuess?: boolean;
  /** Name of the session, if it differs from the name that was sent. */
  readonly user?: string;
}

/** A decision and its steps, in words. */
export interface Explanation {
  /** Undefined: another server or a token decides. */
  readonly allowed: boolean | undefined;
  readonly steps: readonly string[];
}

/** An `authMethod`: the users of the file, another server, or tokens. */
export interface ApiAuth {
  /** Whether watching needs no password. */
  readonly isOpen: boolean;
  /** Configured entries that can never match, and why: lines for the log and the page. */
  readonly warnings: readonly string[];
  /** The configured access without credentials, if any. */
  readonly anonymous: string | undefined;
  /**
   * @param allowsAnonymous false: access without credentials is ignored
   * @throws PerchError exhausted if too many decisions are pending
   */
  decide(request: AuthRequest, allowsAnonymous: boolean): Promise<Verdict>;
  /** Explains the decision in words, assuming that the password is right. */
  explain(request: AuthRequest, allowsAnonymous: boolean): Promise<Explanation>;
  /** The known password of this user that makes the Digest answer. */
  provenPassword?(user: string, proves: (password: string) => boolean): string | undefined;
  /** Drops cached data of other servers. */
  refresh?(): void;
}

/** MediaMTX's order: bearer token, password of any user, query. */
export function tokenOf(request: AuthRequest, readsQuery = false): { token: string; isFromQuery: boolean } {
  const given = request.token || request.password;
  if (given !== '' || !readsQuery) {
    return { token: given, isFromQuery: false };
  }
  const parameters = new URLSearchParams(request.query);
  const token = parameters.get('token') || parameters.get('jwt') || '';
  return { token, isFromQuery: token !== '' };
}

/** Words of `perch explain` about actions without credentials. */
export function excludedWords(isExcluded: boolean, allowsAnonymous: boolean): string {
  if (!isExcluded) {
    return 'does not match';
  }
  return allowsAnonymous ? 'permits anyone' : "ignored: Perch's own setup requires a password";
}
