export interface LoginQuirks {
  /** How one logs in; a token or Digest with MD5 when there are credentials. */
  login?: 'token' | 'digest' | 'digest sha256' | 'digest both' | 'basic' | 'either';
  /** A token may differ so much from the camera's clock; 5 min when not given. */
  tokenWindowMs?: number;
  /** Even the time is told only after login. */
  timeWantsLogin?: boolean;
  /** Nothing but the time is told without login. */
  servicesWantLogin?: boolean;
  /** How the Digest is asked for. */
  challenge?: 'qop first' | 'auth-int too' | 'no qop' | 'no algorithm';
  /** A nonce of Digest is good for so many requests; then it is stale. */
  nonceUses?: number;
  /** A request with Digest and a token besides is refused. */
  refusesTokenBesideDigest?: boolean;
  /** Any token is a fault with status 500: "Security must be understood". */
  mustUnderstandFault?: boolean;
  /** HTTP status of a refused token; 400 when not given. */
  refusalStatus?: 200 | 400 | 401 | 403 | 500;
  /** A token with a wrong time is refused in Dahua's words. */
  saysTimeCheckFailed?: boolean;
  /** After so many wrong logins nobody gets in for this time, with the right password neither. */
  lockOut?: { readonly after: number; readonly forMs: number };
  /** ONVIF is switched off, while something answers HTTP there. */
  onvifIsOff?: 401 | 404;
}
