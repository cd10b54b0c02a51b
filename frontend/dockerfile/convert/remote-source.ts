/**
Whether a source of ADD is a git repository: `git://`, `ssh://`, `git@host:path`, or a URL whose path ends in `.git`.

@see https://docs.docker.com/reference/dockerfile/#adding-files-from-a-git-repository
*/
export function isGitSource(source: string): boolean {
	return /^(?:git|ssh):\/\//v.test(source)
		|| /^[\w\-.]+@[\w\-.]+:(?!\/\/)/v.test(source)
		|| /^https?:\/\/[^#?]+\.git(?:[#?]|$)/v.test(source);
}

/** Whether a source of ADD is a file on the web. */
export function isHttpSource(source: string): boolean {
	return /^https?:\/\//v.test(source) && !isGitSource(source);
}
