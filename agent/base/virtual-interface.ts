/** Bridges of containers and tunnels. */
const VIRTUAL = /^(docker|veth|br-[0-9a-f]{12}$|virbr|cni|flannel|cali|tun|tap|wg|tailscale|zt|ppp)/;

/** Neither cameras nor phones are on them, and a VPN should not be scanned. @param name of a network interface */
export const isVirtualInterface = (name: string): boolean => VIRTUAL.test(name);
