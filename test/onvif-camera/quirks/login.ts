export interface LoginQuirks {
  /** Method of the login; default: a token or Digest with MD5, if the camera has credentials. */
  login?: 'token' | 'digest' | 'digest sha256' | 'digest both' | 'basic' | 'either';
  /** Largest difference of a token's time from the camera's; default: 5 min. */
  tokenWindowMs?: number;
  /** Even the time needs a login. */
  timeWantsLogin?: boolean;
  /** Only the time needs no login. */
  servicesWantLogin?: boolean;
  /** The challenge for Digest. */
  challenge?: 'qop first' | 'auth-int too' | 'no qop' | 'no algorithm';
  /** A Digest nonce is stale after this many requests. */
  nonceUses?: number;
  /** It rejects a request with both Digest and a token. */
  refusesTokenBesideDigest?: boolean;
  /** Any token is a fault with status 500: "Security must be understood". */
  mustUnderstandFault?: boolean;
  /** HTTP status of a refused token; 400 when not given. */
  refusalStatus?: 200 | 400 | 401 | 403 | 500;
  /** A token with a wrong time is refused in Dahua's words. */
  saysTimeCheckFailed?: boolean;
  /** After this many wrong logins it rejects every login for this time, also with the right password. */
  lockOut?: { readonly after: number; readonly forMs: number };
  /** ONVIF is switched off, while something answers HTTP there. */
  onvifIsOff?: 401 | 404;
}
