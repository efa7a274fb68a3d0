// Package sitecheck judges the files of a site without running them: it is the
// part of TESTING that needs neither a network nor a browser.
//
// [Check] parses HTML, CSS, JavaScript and JSON, follows every internal
// reference, looks for requests that would leave the site, and holds every page
// to what each visitor needs: a title, a language, a viewport, one main
// heading, texts for images and labels for controls.
//
// # Invariants
//
//   - It is pure: the same files in any order give the same [Report]. It reads
//     no file, asks no clock and makes no request.
//   - It never panics and takes time linear in the size of the files, whatever
//     they contain.
//   - A reference passes exactly if the preview server finds a file for it:
//     both ask package sitepath.
//
// # What it does not do
//
// A page that passes can still fail when it runs: addresses that a script puts
// together are not seen, and the HTML check knows the mistakes that change what
// a visitor sees, not every rule of the standard. The preview's content
// security policy stops the first, a headless run finds the second.
package sitecheck
