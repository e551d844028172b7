export interface DiscoveryQuirks {
  /** It answers unicast probes only. */
  isDeafToMulticast?: boolean;
  /** The types that it has, and answers to; both of ONVIF when not given. */
  types?: readonly string[];
  /** Its XAddrs; HOST, PORT and PATH stand for its own. */
  xaddrs?: readonly string[];
  /** One answer for each of these addresses, as a camera with several interfaces sends; as `xaddrs`. */
  answersForEach?: readonly string[];
  /** Sent before its answer: garbage, a Hello, an empty answer. ID stands for the probe's message id. */
  saysFirst?: readonly string[];
  /** Another device stands in the same datagram, before it. */
  isBundledWith?: { readonly endpoint: string; readonly xaddr: string };
  /** Its Hello has no addresses: it wants to be asked. */
  leavesOutXaddrsInHello?: boolean;
  answersTwice?: boolean;
  leavesOutRelatesTo?: boolean;
  leavesOutScopes?: boolean;
  /** The answer is padded to this size, so that it comes in several pieces. */
  answerBytes?: number;
  /** Answers so late. */
  answersAfterMs?: number;
}
