/** Bridges of containers and tunnels. */
const VIRTUAL = /^(docker|veth|br-[0-9a-f]{12}$|virbr|cni|flannel|cali|tun|tap|wg|tailscale|zt|ppp)/;

/** No camera and no phone lives behind it, and to ask around in somebody's VPN is rude. @param name of a network interface */
export const isVirtualInterface = (name: string): boolean => VIRTUAL.test(name);
