/** Why a kind of network cannot be made on this machine; the next kind is tried then. Users see the message as a part of a line. */
export class NetworkUnavailable extends Error {
	override readonly name = 'NetworkUnavailable';
}
