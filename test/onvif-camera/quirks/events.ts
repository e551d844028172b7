import type { DialectName } from '../event-dialects.ts';

export interface EventQuirks {
  /** `none`: no service; `lies`: the service is told, and nothing of it works. */
  events?: 'none' | 'lies';
  /** The maker's words. */
  dialect?: DialectName;
  /** Pull points live on another port of the camera. */
  subscribesOnOtherPort?: boolean;
  /** The host in the address of a pull point. */
  subscriptionHost?: string;
  /** The pull point is known by a reference parameter, which has to come back as a header. */
  wantsReferenceParameters?: boolean;
  /** `wsa:To` has to be the very address that was given. */
  wantsExactTo?: boolean;
  /** A pull without news loses its connection after this time. */
  cutsPullsAfterMs?: number;
  /** A pull without news is answered after this time, whatever Timeout says. */
  answersPullsAfterMs?: number;
  /** A subscription is good for one pull. */
  forgetsSubscriptions?: boolean;
  refusesRenew?: 'always' | 'relative' | 'absolute';
  subscriptionsAtMost?: number;
  tellsNoInitialState?: boolean;
  /** The end of what happens is not told. */
  losesEnds?: boolean;
  /** Only ever "true". */
  tellsPulsesOnly?: boolean;
  /** "1" and "0". */
  tellsDigits?: boolean;
  /** The end comes as PropertyOperation Deleted. */
  tellsDeleted?: boolean;
}
