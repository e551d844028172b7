import type { DialectName } from '../event-dialects.ts';

export interface EventQuirks {
  /** `none`: no service; `lies`: the service is listed, and every call fails. */
  events?: 'none' | 'lies';
  /** The maker's words. */
  dialect?: DialectName;
  /** Pull points live on another port of the camera. */
  subscribesOnOtherPort?: boolean;
  /** The host in the address of a pull point. */
  subscriptionHost?: string;
  /** A reference parameter names the pull point and must come back as a header. */
  wantsReferenceParameters?: boolean;
  /** `wsa:To` must be exactly the address that the camera gave. */
  wantsExactTo?: boolean;
  /** A pull without news loses its connection after this time. */
  cutsPullsAfterMs?: number;
  /** A pull without news is answered after this time, not after its Timeout. */
  answersPullsAfterMs?: number;
  /** A subscription is good for one pull. */
  forgetsSubscriptions?: boolean;
  refusesRenew?: 'always' | 'relative' | 'absolute';
  subscriptionsAtMost?: number;
  tellsNoInitialState?: boolean;
  /** It does not report the end of an event. */
  losesEnds?: boolean;
  /** Only ever "true". */
  tellsPulsesOnly?: boolean;
  /** "1" and "0". */
  tellsDigits?: boolean;
  /** The end is sent as PropertyOperation Deleted. */
  tellsDeleted?: boolean;
}
