// Linux signals by their names without SIG, as Docker knows them. https://man7.org/linux/man-pages/man7/signal.7.html
const signalNames: ReadonlySet<string> = new Set([
	'ABRT',
	'ALRM',
	'BUS',
	'CHLD',
	'CLD',
	'CONT',
	'FPE',
	'HUP',
	'ILL',
	'INT',
	'IO',
	'IOT',
	'KILL',
	'PIPE',
	'POLL',
	'PROF',
	'PWR',
	'QUIT',
	'SEGV',
	'STKFLT',
	'STOP',
	'SYS',
	'TERM',
	'TRAP',
	'TSTP',
	'TTIN',
	'TTOU',
	'URG',
	'USR1',
	'USR2',
	'VTALRM',
	'WINCH',
	'XCPU',
	'XFSZ',
]);

/** Whether a text names a signal: a number other than 0, or a name in any case with or without SIG. Real-time signals are `RTMIN`, `RTMIN+n`, `RTMAX-n` and `RTMAX`. */
export function isSignal(text: string): boolean {
	if (/^[+\-]?\d+$/v.test(text)) {
		return Number(text) !== 0;
	}

	const name = text.toUpperCase().replace(/^SIG/v, '');
	return signalNames.has(name) || /^(?:RTMIN(?:\+(?:[1-9]|1[0-5]))?|RTMAX(?:-(?:[1-9]|1[0-4]))?)$/v.test(name);
}
