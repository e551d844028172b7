export interface DiscoveryQuirks {
  /** It answers unicast probes only. */
  isDeafToMulticast?: boolean;
  /** The types that it has, and answers to; both of ONVIF when not given. */
  types?: readonly string[];
  /** Its XAddrs; HOST, PORT and PATH are replaced by its own. */
  xaddrs?: readonly string[];
  /** One answer for each of these addresses, as a camera with several interfaces sends; as `xaddrs`. */
  answersForEach?: readonly string[];
  /** Sent before its answer: garbage, a Hello, an empty answer. ID is replaced by the probe's message id. */
  saysFirst?: readonly string[];
  /** Another device precedes it in the same datagram. */
  isBundledWith?: { readonly endpoint: string; readonly xaddr: string };
  /** Its Hello has no addresses: it wants to be asked. */
  leavesOutXaddrsInHello?: boolean;
  answersTwice?: boolean;
  leavesOutRelatesTo?: boolean;
  leavesOutScopes?: boolean;
  /** The answer is padded to this size, so that it is fragmented. */
  answerBytes?: number;
  /** Answers so late. */
  answersAfterMs?: number;
}
