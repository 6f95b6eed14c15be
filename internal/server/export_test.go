package server

// LandingPage is the built-in page, byte for byte.
var LandingPage = landingPage
