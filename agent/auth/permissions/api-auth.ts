/** A request as the methods for machines (`authMethod`) see it. */
export interface MachineRequest {
  readonly action: string;
  readonly path: string;
  /** Canonical. */
  readonly ip: string;
  /** False: a loopback address that may be a proxy's or a web page's, which no `ips` of the file may match. */
  readonly isIpKnown: boolean;
  readonly user: string;
  readonly password: string;
  /** Instead of a password: whether what was sent was made with this one (HTTP Digest). Holds for plain passwords only. */
  readonly proves?: ((password: string) => boolean) | undefined;
  /** A bearer token. */
  readonly token: string;
  readonly protocol: string;
  /** Of the session or connection, a UUID, where there is one already. */
  readonly id: string | null;
  /** As it was sent, without `?`. */
  readonly query: string;
  readonly userAgent: string;
}

export interface Verdict {
  readonly allowed: boolean;
  /** For the log and for people who ask why. */
  readonly reason: string;
  /** Name and password are right, whether they may do this or not. */
  readonly isKnown?: boolean;
  /** A token of the query was refused: whoever guesses there waits like anybody else. */
  readonly isGuess?: boolean;
  /** Under which name the session runs, where that is not the name that was sent. */
  readonly user?: string;
}

/** What a decision would be, and the way to it. */
export interface Explanation {
  /** Undefined: another server or a token decides. */
  readonly allowed: boolean | undefined;
  readonly steps: readonly string[];
}

/** Who decides for machines: the users of the file, another server, or a token. */
export interface Machines {
  /** Anyone who reaches the ports can watch without a password. */
  readonly isOpen: boolean;
  /** What is configured and lets nobody in, and why: lines for the log and the page. */
  readonly warnings: readonly string[];
  /** What would let in without any credentials, if it is there at all. */
  readonly anonymous: string | undefined;
  /**
   * @param allowsAnonymous false: whatever would let in without any credentials is passed over
   * @throws PerchError exhausted when too many are being decided
   */
  decide(request: MachineRequest, allowsAnonymous: boolean): Promise<Verdict>;
  /** The same in words, for a request whose password is taken for right. */
  explain(request: MachineRequest, allowsAnonymous: boolean): Promise<Explanation>;
  /** The password of this user that a Digest answer was made with, where it is known. */
  provenPassword?(user: string, proves: (password: string) => boolean): string | undefined;
  /** What has been fetched from others is fetched anew. */
  refresh?(): void;
}

/**
 * MediaMTX's order: bearer token, password of any user, query.
 * @param readsQuery the protocol and the settings allow it there
 */
export function tokenOf(request: MachineRequest, readsQuery: boolean): { token: string; isFromQuery: boolean } {
  const given = request.token || request.password;
  if (given !== '' || !readsQuery) {
    return { token: given, isFromQuery: false };
  }
  const parameters = new URLSearchParams(request.query);
  const token = parameters.get('token') || parameters.get('jwt') || '';
  return { token, isFromQuery: token !== '' };
}

/** What `perch explain` says of the actions that anybody may do. */
export function excludedWords(isExcluded: boolean, allowsAnonymous: boolean): string {
  if (!isExcluded) {
    return 'does not fit';
  }
  return allowsAnonymous ? 'lets everybody in' : "passed over: Perch's own set-up lets nobody in without a password";
}
