const sizeUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/**
An amount of bytes for people, with four digits: `8.192kB`, `307.2kB`, `3.097MB`.

@see https://pkg.go.dev/github.com/docker/go-units#HumanSize
*/
export function formatHumanSize(bytes: number): string {
	let amount = bytes;
	let unit = 0;
	while (amount >= 1000 && unit < sizeUnits.length - 1) {
		amount /= 1000;
		unit++;
	}

	return `${Number(amount.toPrecision(4))}${sizeUnits[unit]!}`;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/**
How long ago a time is, for people: `2 minutes ago`. Both in milliseconds since the epoch.

@see https://pkg.go.dev/github.com/docker/go-units#HumanDuration
*/
export function formatAge(time: number, now: number): string {
	return `${formatHumanDuration(Math.trunc((now - time) / 1000))} ago`;
}

function formatHumanDuration(seconds: number): string {
	const hours = Math.round(seconds / hour);
	if (seconds < 1) {
		return 'Less than a second';
	}

	if (seconds < minute) {
		return seconds === 1 ? '1 second' : `${seconds} seconds`;
	}

	if (seconds < hour) {
		return seconds < 2 * minute ? 'About a minute' : `${Math.trunc(seconds / minute)} minutes`;
	}

	return hours < 48 ? formatHours(hours) : formatDays(Math.trunc(hours * hour / day));
}

function formatHours(hours: number): string {
	return hours === 1 ? 'About an hour' : `${hours} hours`;
}

function formatDays(days: number): string {
	if (days < 14) {
		return `${days} days`;
	}

	if (days < 60) {
		return `${Math.trunc(days / 7)} weeks`;
	}

	return days < 2 * 365 ? `${Math.trunc(days / 30)} months` : `${Math.trunc(days / 365)} years`;
}

/**
A time as Go prints it, in UTC: `2026-11-20 19:35:50.574 +0000 UTC`. In milliseconds since the epoch.

@see https://pkg.go.dev/time#Time.String
*/
export function formatGoTime(time: number): string {
	const [date = '', clock = '', fraction = ''] = new Date(time).toISOString().slice(0, -1).split(/[.T]/v, 3);
	const digits = fraction.replace(/0{1,3}$/v, '');
	return `${date} ${clock}${digits === '' ? '' : `.${digits}`} +0000 UTC`;
}
